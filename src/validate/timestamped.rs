//! Whether an entry has a time stamp that holds.

use std::path::Path;

use super::{Check, Options, Outcome, Report, Requirement, skipped};
use crate::{
    Metadata,
    dsig::Evidence,
    tsp::{self, Stamp, StampError},
};

const NAME: &str = "timestamped";

/// What there is of an entry's time stamp, which is no part of the entry.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum GivenStamp<'a> {
    /// Nobody knows where it could be.
    #[default]
    Nowhere,
    /// There is no such file.
    Missing(&'a Path),
    /// A `TimeStampResp` or `TimeStampToken` (RFC 3161).
    Found(&'a [u8]),
}

/// The verdict on the time stamp of an entry whose signature holds, if there is one and somebody is
/// trusted to make it.
pub(super) fn judge(
    evidence: Option<&Evidence>,
    metadata: Option<&Metadata>,
    options: &Options,
) -> Option<Result<Stamp, StampError>> {
    let (evidence, anchors) = (evidence?, options.stamp_anchors?);
    let GivenStamp::Found(stamp) = options.stamp else { return None };
    let verified = tsp::verify(stamp, &evidence.signature_value, anchors, options.policy, options.now);
    let endorsement = metadata.and_then(|metadata| metadata.endorsement.as_ref());
    Some(verified.and_then(|stamp| {
        if let Some(endorsement) = endorsement {
            stamp.check(endorsement.created, &evidence.certificate, options.now)?;
        }
        Ok(stamp)
    }))
}

pub(super) fn check(report: &Report, options: &Options) -> Check {
    let required = options.require.contains(&Requirement::Timestamped);
    let no = |message: String| {
        let outcome = if required { Outcome::Failed } else { Outcome::Noted };
        Check { name: NAME, outcome, message: Some(message) }
    };
    match (report.stamp(), &options.stamp) {
        (Some(Ok(stamp)), _) => {
            let message = format!("time stamp of {} by {}", stamp.time, stamp.tsa.subject());
            Check { name: NAME, outcome: Outcome::Passed, message: Some(message) }
        }
        (Some(Err(error)), _) => no(error.to_string()),
        // None of these is worth a note to somebody who has not asked.
        _ if !required => skipped(NAME),
        _ if !options.signed => {
            no("the entry's signature was not checked, so that there is no time stamp of it".to_owned())
        }
        // The signature failed.
        _ if report.evidence().is_none() => skipped(NAME),
        _ if options.stamp_anchors.is_none() => no("no time-stamp authority is trusted".to_owned()),
        (None, GivenStamp::Missing(path)) => no(format!("there is no time stamp {}", path.display())),
        (None, _) => no("no time stamp comes with the entry".to_owned()),
    }
}
