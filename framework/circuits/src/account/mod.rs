//! Who may use the HTTP side: accounts with rights, and kinds of authentication that tell who calls.

mod attempts;
mod book;
mod kind;
mod rights;

pub use book::{Accounts, OPERATOR, UserAccount};
pub use kind::{
    AuthFuture, AuthKind, Authenticator, DEFAULT_AUTH, OpenAuth, Verdict, auth_kinds, chosen_auth,
};
pub use rights::{Right, Rights, Scope};

/// Who calls, in the extensions of a request that a [`WebService`](crate::web::WebService) answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account's name, or the user that a trusted proxy names.
    pub name: String,
    /// What they may see and change.
    pub rights: Rights,
}
