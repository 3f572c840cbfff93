//! E-mail confirmation and reminders: who is asked, and how mail is sent.

use std::{env, path::PathBuf};

use clap::{Args, builder::BoolishValueParser};

use super::{flag, pins};
use crate::{
    Email, Password,
    cli::{Failure, Session, Status, password},
    config::{Hours, MarketplaceConfig},
    server::{
        mail::TIMEOUT,
        settings::{Confirmation, Mail, PublicUrl},
    },
    trust::Pin,
};

/// How long endorsers may take to confirm unless somebody says otherwise.
const EXPIRES: Hours = Hours(72);

/// The variable with the password of the mail server, which has no option: others could read it.
const MAIL_PASSWORD: &str = "STRATUSLAB_MARKETPLACE_MAIL_PASSWORD";

/// Who is asked by mail before an entry is taken.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Confirmation options")]
pub struct ConfirmationArgs {
    /// Ask endorsers by mail before their entries are taken
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_CONFIRM_EMAIL", value_parser = BoolishValueParser::new())]
    pub confirm_email: bool,
    /// Do not ask this endorser, or another one given so (see --endorsed-by)
    #[arg(long, value_name = "WHO")]
    pub confirm_not_for: Vec<Pin>,
    /// Forget what is not confirmed within this time [default: 72]
    #[arg(long, value_name = "HOURS", env = "STRATUSLAB_MARKETPLACE_CONFIRM_EXPIRES")]
    pub confirm_expires: Option<Hours>,
}

/// How mail is sent, and when.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Mail options")]
pub struct MailArgs {
    /// Send mail through this server: `smtps://HOST` or `smtp://HOST`, with a port perhaps.
    #[arg(
        long,
        value_name = "URL",
        env = "STRATUSLAB_MARKETPLACE_MAIL_SERVER",
        help = "Send mail through this server: smtps://HOST or smtp://HOST, with a port perhaps"
    )]
    pub mail_server: Option<String>,
    /// Send mail from this address, which is also told of abuse
    #[arg(long, value_name = "EMAIL", env = "STRATUSLAB_MARKETPLACE_MAIL_ADMIN")]
    pub mail_admin: Option<Email>,
    /// Log in at the mail server as this user
    #[arg(long, value_name = "NAME", env = "STRATUSLAB_MARKETPLACE_MAIL_USER")]
    pub mail_user: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        env = "STRATUSLAB_MARKETPLACE_MAIL_PASSWORD_FILE",
        help = format!("Read the password of that user from this file; {MAIL_PASSWORD} has it otherwise")
    )]
    #[allow(missing_docs, reason = "its help is its documentation")]
    pub mail_password_file: Option<PathBuf>,
    /// Trust the CA certificates in this PEM file for the mail server, instead of the system's
    #[arg(long, value_name = "FILE", env = "STRATUSLAB_MARKETPLACE_MAIL_CA_FILE")]
    pub mail_ca_file: Option<PathBuf>,
    /// Tell endorsers by mail before their entries expire
    #[arg(long, env = "STRATUSLAB_MARKETPLACE_REMINDERS", value_parser = BoolishValueParser::new())]
    pub reminders: bool,
}

impl ConfirmationArgs {
    /// Who is asked; `None` if nobody is.
    pub(super) fn confirmation(&self, config: &MarketplaceConfig, session: &Session) -> Option<Confirmation> {
        flag("confirm_email", self.confirm_email, config.confirm_email, session).then(|| Confirmation {
            not_for: pins(&self.confirm_not_for, config.confirm_not_for.as_deref()),
            expires: self.confirm_expires.or(config.confirm_expires).unwrap_or(EXPIRES).duration(),
        })
    }
}

impl MailArgs {
    /// How mail is sent; `None` if no server is named.
    pub(super) fn mail(
        &self,
        config: &MarketplaceConfig,
        session: &Session,
    ) -> Result<Option<Mail>, Failure> {
        let Some(server) = self.mail_server.as_deref().or(config.mail_server.as_deref()) else {
            return Ok(None);
        };
        let Some(admin) = self.mail_admin.as_ref().or(config.mail_admin.as_ref()) else {
            return Err(Failure::new(Status::Usage, "mail needs an address that it comes from")
                .with_hint("--mail-admin EMAIL, or mail_admin in [marketplace]"));
        };
        Ok(Some(Mail {
            server: server.parse().map_err(|error| Failure::new(Status::Usage, error))?,
            admin: admin.clone(),
            user: self.mail_user.clone().or_else(|| config.mail_user.clone()),
            password: self.password(config, session)?,
            ca_file: self.mail_ca_file.clone().or_else(|| config.mail_ca_file.clone()),
            timeout: TIMEOUT,
        }))
    }

    /// The password at the mail server: of the command line, of the environment, of the configuration.
    fn password(&self, config: &MarketplaceConfig, session: &Session) -> Result<Option<Password>, Failure> {
        let variable = env::var(MAIL_PASSWORD).ok().filter(|password| !password.is_empty());
        let variable = variable.map(Password::new);
        match (&self.mail_password_file, variable) {
            // Both in the environment: which one is meant?
            (Some(_), Some(_)) if session.from_variable("mail_password_file") => Err(two_passwords()),
            (Some(file), _) => Ok(Some(password::from_file(session, file)?)),
            (None, Some(password)) => Ok(Some(password)),
            (None, None) => match (&config.mail_password, &config.mail_password_file) {
                (Some(_), Some(_)) => Err(two_passwords()),
                (Some(password), None) => Ok(Some(password.clone())),
                (None, Some(file)) => Ok(Some(password::from_file(session, file)?)),
                (None, None) => Ok(None),
            },
        }
    }
}

fn two_passwords() -> Failure {
    Failure::new(Status::Usage, "the password of the mail server is given in two ways")
        .with_hint("one of mail_password and mail_password_file, and of their variables, is enough")
}

/// What mail is sent for, if any is.
pub(super) fn purpose(confirmation: bool, reminders: bool) -> Option<&'static str> {
    match (confirmation, reminders) {
        (true, _) => Some("e-mail confirmation"),
        (false, true) => Some("a reminder"),
        (false, false) => None,
    }
}

/// Whether there is all that mail needs.
pub(super) fn suffices(what: &str, mail: Option<&Mail>, url: Option<&PublicUrl>) -> Result<(), Failure> {
    let (missing, hint) = match (mail, url) {
        (None, _) => (
            "a mail server",
            "--mail-server smtps://HOST and --mail-admin EMAIL, or these keys in [marketplace]",
        ),
        (Some(_), None) => {
            ("the URL that its links begin with", "--public-url URL, or public_url in [marketplace]")
        }
        (Some(_), Some(_)) => return Ok(()),
    };
    Err(Failure::new(Status::Usage, format_args!("{what} needs {missing}")).with_hint(hint))
}
