//! What can go wrong with one request, for trying out clients.

use std::{io, str::FromStr, thread, time::Duration};

use super::http::{Connection, Request, Response};

/// Something that goes wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// `none`: nothing.
    None,
    /// `500`, `503:RETRY-AFTER`, `302:LOCATION`: this status, with a body in HTML.
    Status(u16, Option<String>),
    /// `created`, `created:LOCATION`, `relative:CONTENT-LOCATION`: takes an upload and names it so.
    Located(&'static str, Option<String>),
    /// `page`: 200 with a page for people.
    Page,
    /// `hang-up`: closes without an answer.
    HangUp,
    /// `half-way`: closes within the answer.
    HalfWay,
    /// `garbage`: an answer that is not HTTP.
    Garbage,
    /// `slow`: one byte of the answer at a time, without end.
    Slow,
    /// `silent`: no answer at all.
    Silent,
    /// `huge`: 64 MiB.
    Huge,
    /// `body:TEXT`: 200 with this text as XML.
    Body(String),
    /// `twice`: the good answer with its root element's content doubled.
    Twice,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument.to_owned())),
            None => (text, None),
        };
        Ok(match name {
            "none" => Self::None,
            "created" => Self::Located("Location", argument),
            "relative" => Self::Located("Content-Location", argument),
            "page" => Self::Page,
            "hang-up" => Self::HangUp,
            "half-way" => Self::HalfWay,
            "garbage" => Self::Garbage,
            "slow" => Self::Slow,
            "silent" => Self::Silent,
            "huge" => Self::Huge,
            "body" => Self::Body(argument.unwrap_or_default()),
            "twice" => Self::Twice,
            status => Self::Status(status.parse().map_err(|_| format!("unknown fault '{text}'"))?, argument),
        })
    }
}

impl Fault {
    /// Answers `request` the wrong way; `good` would answer it the right way.
    pub(crate) fn play(
        self,
        connection: &mut dyn Connection,
        request: &Request,
        good: impl Fn(&Request) -> Response,
    ) -> io::Result<()> {
        let page = || {
            Response::new(
                200,
                "text/html",
                "<html><head><title>Sign in</title></head><body>here</body></html>",
            )
        };
        match self {
            Self::None => good(request).write(connection),
            Self::Status(status, argument) => {
                let mut response = page();
                response.status = status;
                if let Some(value) = argument {
                    response = response.with(if status < 400 { "Location" } else { "Retry-After" }, value);
                }
                response.write(connection)
            }
            Self::Located(name, location) => {
                let response = Response::new(201, "text/plain", "metadata entry created");
                match location {
                    Some(location) => response.with(name, location).write(connection),
                    None => response.write(connection),
                }
            }
            Self::Page => page().write(connection),
            Self::HangUp => Ok(()),
            Self::HalfWay => {
                let response = good(request);
                connection.write_all(response.head().as_bytes())?;
                connection.write_all(response.body.get(..response.body.len() / 2).unwrap_or_default())?;
                connection.flush()
            }
            Self::Garbage => connection.write_all(b"\x15\x03\x01 this is not HTTP\r\n\r\n"),
            Self::Slow => {
                connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n")?;
                // Ends when the client has gone.
                loop {
                    connection.write_all(b" ")?;
                    connection.flush()?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Self::Silent => {
                // Until the client has gone.
                connection.read(&mut [0; 1]).map(drop)
            }
            Self::Huge => {
                connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n")?;
                (0..8192).try_for_each(|_| connection.write_all(&[b' '; 8 << 10]))
            }
            Self::Body(text) => Response::new(200, "application/xml", text).write(connection),
            Self::Twice => {
                let mut response = good(request);
                let list = String::from_utf8_lossy(&response.body).into_owned();
                let inside =
                    list.split_once("<metadata>").and_then(|(_, rest)| rest.split_once("</metadata>"));
                if let Some((inside, _)) = inside {
                    response.body = format!("<metadata>{inside}{inside}</metadata>").into_bytes();
                }
                response.write(connection)
            }
        }
    }
}
