//! `circuits account`: who may use the HTTP side, from the shell. A runner that is up knows of a change at once.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use circuits::account::{Accounts, Rights};
use circuits_accounts::{add, find, password, set_password, token};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::confirm::confirm;
use crate::event_log::{Age, local, utc};
use crate::overrides::Overrides;
use crate::records::{self, wait};

/// The longest time for which a token is good.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Arguments of `circuits account`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make an account. With the first one, every caller of http_port must say who they are.
    Add(Add),
    /// Show the accounts and what they may do.
    List(List),
    /// Give an account another password, and end its tokens.
    Passwd(Passwd),
    /// Delete an account. Its tokens end, and its subscriptions get nothing more.
    Rm(Rm),
    /// Make a token, for a program that calls http_port, and print it.
    Token(MakeToken),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Its name.
    name: String,
    /// What it may do: read or manage, alone for everything or with :destination/NAME or :component/NAME; may be given several times.
    #[arg(long = "can", value_name = "RIGHT", required = true)]
    rights: Vec<String>,
    /// It has no password, and is used with tokens or through a trusted proxy. Otherwise the password is asked for, or read from the
    /// standard input.
    #[arg(long)]
    no_password: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print JSON: an array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Passwd {
    /// The account's name.
    name: String,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Rm {
    /// The account's name.
    name: String,
    /// Ask nothing.
    #[arg(short)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct MakeToken {
    /// The account's name.
    name: String,
    /// How long it is good, such as 12h or 90d; at most 366d.
    #[arg(long, default_value = "30d")]
    ttl: Age,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Add(args) => add_account(&args),
        Command::List(args) => list(&args),
        Command::Passwd(args) => passwd(&args),
        Command::Rm(args) => remove(&args),
        Command::Token(args) => make_token(&args),
    }
}

fn open(overrides: &Overrides) -> anyhow::Result<Accounts> {
    Ok(Accounts::new(records::store(&overrides.load()?)?))
}

fn add_account(args: &Add) -> anyhow::Result<()> {
    let rights = Rights::parse(&args.rights).map_err(anyhow::Error::msg)?;
    let accounts = open(&args.overrides)?;
    let first = !wait(accounts.any())?;
    let password = if args.no_password { None } else { Some(ask_password()?) };
    wait(add(&accounts, &args.name, rights, password.as_deref()))?;
    anstream::println!("The account {} is made.", args.name);
    if first {
        anstream::println!(
            "It is the first one: from now on every caller of http_port must say who they are."
        );
    }
    Ok(())
}

fn list(args: &List) -> anyhow::Result<()> {
    let all = wait(open(&args.overrides)?.all())?;
    let mut out = anstream::stdout().lock();
    let time = |at: i64| Timestamp::from_millisecond(at).map(Into::into).ok();
    if args.json {
        let all = all.iter().map(|one| {
            json!({
                "name": one.name, "rights": one.rights.words(), "has_password": one.password.is_some(),
                "created": utc(time(one.created)), "password_changed": utc(time(one.password_changed)),
            })
        });
        writeln!(out, "{:#}", all.collect::<Value>())?;
        return Ok(());
    }
    if all.is_empty() {
        writeln!(out, "There is no account, so nobody needs to log in.")?;
    }
    let width = all.iter().map(|one| one.name.chars().count()).max().unwrap_or_default();
    for one in all {
        let created = time(one.created).map_or("-".to_owned(), local);
        let without = if one.password.is_some() { "" } else { ", without a password" };
        writeln!(out, "{:width$}  {}  made {created}{without}", one.name, one.rights.words().join(", "))?;
    }
    Ok(())
}

fn passwd(args: &Passwd) -> anyhow::Result<()> {
    let accounts = open(&args.overrides)?;
    wait(find(&accounts, &args.name))?;
    let password = ask_password()?;
    wait(set_password(&accounts, &args.name, &password))?;
    anstream::println!("{} has another password; its tokens have ended.", args.name);
    Ok(())
}

fn remove(args: &Rm) -> anyhow::Result<()> {
    let accounts = open(&args.overrides)?;
    wait(find(&accounts, &args.name))?;
    let all = wait(accounts.all())?;
    let last = match all.len() {
        1 => {
            " It is the last one: then nobody needs to log in any more, and everybody on this machine may use http_port."
        }
        _ => "",
    };
    if !args.yes && !confirm(&format!("Delete the account {}?{last}", args.name))? {
        bail!("nothing was deleted");
    }
    wait(accounts.remove(&args.name))?;
    anstream::println!("The account {} is deleted.{last}", args.name);
    Ok(())
}

fn make_token(args: &MakeToken) -> anyhow::Result<()> {
    let Age(ttl) = args.ttl;
    if ttl.is_zero() || ttl > LONGEST {
        bail!("a token is good for at least a moment, and for at most 366d");
    }
    let accounts = open(&args.overrides)?;
    let account = wait(find(&accounts, &args.name))?;
    let issued = wait(token::issue(&accounts, &account, ttl))?;
    let ends = Timestamp::from_millisecond(issued.ends).map_or("-".to_owned(), |ends| local(ends.into()));
    anstream::eprintln!("A token for {}, good until {ends}. It is shown only now.", args.name);
    anstream::println!("{}", issued.token);
    Ok(())
}

/// Asks for a password twice on a terminal, where it is not shown; otherwise reads the first line of the standard input.
fn ask_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("reading the password from the standard input")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let ask =
        |prompt: &str| rpassword::prompt_password(prompt).context("reading the password from the terminal");
    let given = ask(&format!("Password (at least {} characters): ", password::SHORTEST))?;
    if given != ask("The same again: ")? {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(given)
}
