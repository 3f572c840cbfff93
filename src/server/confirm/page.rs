//! The pages of confirmations.

use axum::response::Html;

use crate::server::{marketplace::Marketplace, problem::Problem};

use super::{Done, Question};

pub(super) fn ask(_marketplace: &Marketplace, question: &Question) -> Result<Html<String>, Problem> {
    Ok(Html(format!(
        "<!DOCTYPE html><title>Confirm</title><p>{}</p><form method=\"post\" action=\"{}\"><button>{}</button></form>",
        question.key.identifier,
        question.path,
        question.action.name()
    )))
}

pub(super) fn done(_marketplace: &Marketplace, done: &Done) -> Result<Html<String>, Problem> {
    Ok(Html(format!("<!DOCTYPE html><title>Done</title><p>{}</p>", done.message)))
}
