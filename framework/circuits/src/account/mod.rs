//! Who may use the HTTP side: accounts with rights, and kinds of authentication that tell who calls.

mod attempts;
mod book;
mod caller;
mod kind;
mod rights;

pub use book::{Accounts, OPERATOR, UserAccount};
pub use caller::{Caller, ClientCertificate};
pub use kind::{
    AuthFuture, AuthKind, Authenticator, CLIENT_CERT, DEFAULT_AUTH, OpenAuth, Verdict, auth_kinds,
    chosen_auth,
};
pub use rights::{Right, Rights, Scope};
