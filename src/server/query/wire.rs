//! What the server and its query process say to each other. Both are this very program: there are no
//! versions, and what does not fit is the end of the conversation.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use super::{
    evaluate::{Answer, EvaluateError, GraphFormat, Kind, Request},
    results::ResultFormat,
};

/// The longest query, in bytes.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;
/// Of a message of the parser or the evaluator, in characters.
const MAX_MESSAGE: usize = 500;
/// The first thing a query process says: it is there.
pub(super) const HELLO: u8 = 0x5a;

/// What a query may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until then it must have its results.
    pub time: Duration,
    /// So many bytes of memory beside the index.
    pub memory: u64,
}

/// What becomes of a query, as its process says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Answer(Answer),
    Error(EvaluateError),
    Time,
}

const HEADER: usize = 3 + 4 * 8;

pub(super) fn write_request(request: &Request, limits: Limits) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + request.query.len());
    bytes.push(match request.solutions {
        ResultFormat::Xml => 0,
        ResultFormat::Json => 1,
        ResultFormat::Csv => 2,
        ResultFormat::Tsv => 3,
    });
    bytes.push(match request.graph {
        GraphFormat::RdfXml => 0,
        GraphFormat::NTriples => 1,
        GraphFormat::RdfJson => 2,
        GraphFormat::Table => 3,
        GraphFormat::Turtle => 4,
    });
    bytes.push(u8::from(request.cut));
    let time = u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX);
    for number in [request.rows, request.bytes, limits.memory, time] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(request.query.as_bytes());
    bytes
}

pub(super) fn read_request(from: impl Read) -> io::Result<(Request, Limits)> {
    let mut bytes = Vec::new();
    from.take((HEADER + MAX_QUERY_BYTES) as u64).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let [solutions, graph, cut] = array(&mut rest)?;
    let solutions = match solutions {
        0 => ResultFormat::Xml,
        1 => ResultFormat::Json,
        2 => ResultFormat::Csv,
        _ => ResultFormat::Tsv,
    };
    let graph = match graph {
        0 => GraphFormat::RdfXml,
        1 => GraphFormat::NTriples,
        2 => GraphFormat::RdfJson,
        3 => GraphFormat::Table,
        _ => GraphFormat::Turtle,
    };
    let mut number = || array(&mut rest).map(u64::from_be_bytes);
    let (rows, most, memory, time) = (number()?, number()?, number()?, number()?);
    let query = String::from_utf8(rest.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?;
    let request = Request { query, solutions, graph, rows, cut: cut != 0, bytes: most };
    Ok((request, Limits { time: Duration::from_millis(time), memory }))
}

impl Reply {
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let (tag, number, payload) = match self {
            Self::Answer(Answer { kind, cut, document }) => {
                let tag = match kind {
                    Kind::Solutions => 1,
                    Kind::Boolean => 2,
                    Kind::Graph => 3,
                };
                (tag, u64::from(*cut), document.as_slice())
            }
            Self::Time => (9, 0, &[][..]),
            Self::Error(error) => match error {
                EvaluateError::Syntax { message } => (10, 0, message.as_bytes()),
                EvaluateError::NotAllowed => (11, 0, &[][..]),
                EvaluateError::Rows { limit } => (12, *limit, &[][..]),
                EvaluateError::Bytes { limit } => (13, *limit, &[][..]),
                EvaluateError::Character { character } => (14, u64::from(*character), &[][..]),
                EvaluateError::Name { name } => (16, 0, name.as_bytes()),
                EvaluateError::Evaluation { message } => (15, 0, message.as_bytes()),
            },
        };
        to.write_all(&[tag])?;
        to.write_all(&number.to_be_bytes())?;
        to.write_all(&(payload.len() as u64).to_be_bytes())?;
        to.write_all(payload)
    }

    /// From all that was said; `None` if that is not all.
    pub(super) fn read(mut bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let [tag] = array(&mut rest).ok()?;
        let number = array(&mut rest).map(u64::from_be_bytes).ok()?;
        let length = array(&mut rest).map(u64::from_be_bytes).ok()?;
        if rest.len() as u64 != length {
            return None;
        }
        let kind = match tag {
            1 => Some(Kind::Solutions),
            2 => Some(Kind::Boolean),
            3 => Some(Kind::Graph),
            _ => None,
        };
        if let Some(kind) = kind {
            // In place: it may be long.
            let head = bytes.len() - rest.len();
            bytes.drain(..head);
            return Some(Self::Answer(Answer { kind, cut: number != 0, document: bytes }));
        }
        let message = || one_line(&String::from_utf8_lossy(rest));
        Some(match tag {
            9 => Self::Time,
            10 => Self::Error(EvaluateError::Syntax { message: message() }),
            11 => Self::Error(EvaluateError::NotAllowed),
            12 => Self::Error(EvaluateError::Rows { limit: number }),
            13 => Self::Error(EvaluateError::Bytes { limit: number }),
            14 => {
                let character = u32::try_from(number).ok().and_then(char::from_u32)?;
                Self::Error(EvaluateError::Character { character })
            }
            16 => Self::Error(EvaluateError::Name { name: message() }),
            15 => Self::Error(EvaluateError::Evaluation { message: message() }),
            _ => return None,
        })
    }
}

/// A message may quote the query: without line ends and other control characters, and not all of it.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect()
}

fn array<const N: usize>(bytes: &mut &[u8]) -> io::Result<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    *bytes = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_come_through() {
        let request = Request {
            query: "ASK {}".into(),
            solutions: ResultFormat::Tsv,
            graph: GraphFormat::RdfJson,
            rows: 7,
            cut: true,
            bytes: 9,
        };
        let limits = Limits { time: Duration::from_millis(1500), memory: 1 << 30 };
        assert_eq!(read_request(write_request(&request, limits).as_slice()).unwrap(), (request, limits));
        let answer = |kind, cut| Reply::Answer(Answer { kind, cut, document: b"<a/>".to_vec() });
        let replies = [
            answer(Kind::Solutions, true),
            answer(Kind::Boolean, false),
            answer(Kind::Graph, false),
            Reply::Time,
            Reply::Error(EvaluateError::Syntax { message: "at 1:1".into() }),
            Reply::Error(EvaluateError::NotAllowed),
            Reply::Error(EvaluateError::Rows { limit: 5 }),
            Reply::Error(EvaluateError::Bytes { limit: 6 }),
            Reply::Error(EvaluateError::Character { character: '\u{1}' }),
            Reply::Error(EvaluateError::Evaluation { message: "no".into() }),
            Reply::Error(EvaluateError::Name { name: "http://a/".into() }),
        ];
        for reply in replies {
            let mut bytes = Vec::new();
            reply.write(&mut bytes).unwrap();
            let half = bytes[..bytes.len() - 1].to_vec();
            assert_eq!(Reply::read(bytes), Some(reply));
            assert_eq!(Reply::read(half), None, "half a reply is none");
        }
    }

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        let message = format!("a\nb\u{1b}[31m{}", "x".repeat(5000));
        let mut bytes = Vec::new();
        Reply::Error(EvaluateError::Syntax { message }).write(&mut bytes).unwrap();
        let Some(Reply::Error(EvaluateError::Syntax { message })) = Reply::read(bytes) else { panic!() };
        assert!(message.starts_with("a b [31mx") && message.len() == MAX_MESSAGE);
    }
}
