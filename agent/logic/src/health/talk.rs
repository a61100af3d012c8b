//! What was said to central and heard from it, and what that means: certificate, who answers, credentials, version, range.
//! Never speaks: `agent` does, and hands up what came.
//! Called by `seen`.

use serde::{Deserialize, Serialize};

use super::clock::Dated;
use super::message::{Names, RangeFlaw, SkipReason, TalkMessage};
use super::seen::ReportedFault;
use super::{Check, CheckFinding};
use crate::api::{Reply, answer};
use crate::fault::{AnswerCause, Area, Code};
use crate::outside;
use crate::small_map::SmallMap;

/// Central's certificate should live longer than this, in seconds.
pub const EXPIRY: i64 = 21 * 86_400;

/// What came of it. What was not asked for is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Talk {
    /// A handshake and an answer, by the time of the box.
    pub tls: Option<Result<(), ReportedFault>>,
    /// The same by a time that is `EXPIRY` later.
    pub later: Option<Result<(), ReportedFault>>,
    /// Whether it is central that answers an anonymous question.
    pub answer: Option<Result<(), ReportedFault>>,
    /// The date of that answer.
    pub dated: Option<Dated>,
    /// The versions that central supports, asked for with the credentials.
    pub versions: Option<Result<Vec<String>, ReportedFault>>,
    /// The version of the box.
    pub version: Option<Result<String, ReportedFault>>,
    /// The organisation of the box.
    pub organisation: Option<Result<String, ReportedFault>>,
    /// How many test centres central names for it.
    pub centres: Option<Result<u64, ReportedFault>>,
    /// A part of a package.
    pub range: Option<PackagePart>,
}

/// What came of a part of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackagePart {
    /// No delivery is known.
    NothingToAsk,
    /// As it was asked for, or what was done to it; and the delivery.
    Came(Result<(), RangeFlaw>, String),
    /// It did not come.
    Failed(ReportedFault),
}

impl Talk {
    /// Whether it was central that answered, as far as that is known.
    pub fn central(&self) -> Option<bool> {
        let answer = self.answer.as_ref()?;
        Some(answer.is_ok() && !matches!(self.tls, Some(Err(_))))
    }

    /// What it means.
    pub fn judge(&self) -> SmallMap<Check, CheckFinding> {
        let mut found = SmallMap::new();
        if let Some(tls) = &self.tls {
            found.insert(Check::Tls, certificate(tls, self.later.as_ref()));
        }
        match &self.answer {
            Some(Ok(())) => {
                let finding = CheckFinding::pass(Check::Answer, TalkMessage::CentralAnswers);
                found.insert(Check::Answer, finding);
            }
            Some(Err(told)) => {
                found.insert(Check::Answer, told.fails());
            }
            None => {}
        }
        self.admitted(&mut found);
        if let Some(part) = &self.range {
            found.insert(Check::Range, part.judge());
        }
        found
    }

    /// Credentials, role, version, organisation: each tells something only when the one before is sound.
    fn admitted(&self, found: &mut SmallMap<Check, CheckFinding>) {
        // What the box does not know of itself is told whether central answers or not.
        if let Some(Err(told)) = &self.organisation {
            found.insert(Check::Organisation, told.fails());
        }
        let versions = match &self.versions {
            None => return,
            Some(Err(told)) if told.code != Code::AuthRole => {
                found.insert(Check::Token, told.fails());
                return;
            }
            Some(versions) => versions,
        };
        let finding = CheckFinding::pass(Check::Token, TalkMessage::CredentialsTaken);
        found.insert(Check::Token, finding);
        let supported = match versions {
            Err(told) => {
                found.insert(Check::Role, told.fails());
                return;
            }
            Ok(supported) => supported,
        };
        let finding = CheckFinding::pass(Check::Role, TalkMessage::MaySynchronize);
        found.insert(Check::Role, finding);
        if let Some(version) = &self.version {
            found.insert(Check::Version, supports(supported, version));
        }
        if let (Some(Ok(id)), Some(centres)) = (&self.organisation, &self.centres) {
            found.insert(Check::Organisation, organisation(id, centres));
        }
    }
}

impl PackagePart {
    fn judge(&self) -> CheckFinding {
        match self {
            Self::NothingToAsk => CheckFinding::skip(Check::Range, SkipReason::NoDelivery),
            Self::Came(Ok(()), _) => CheckFinding::pass(Check::Range, TalkMessage::PartCame),
            Self::Came(Err(flaw), delivery) => {
                let flaw = flaw.clone();
                let delivery = Names::of([delivery]);
                CheckFinding::fail(Code::PackageRange, TalkMessage::PartFlawed { flaw })
                    .detail(delivery)
            }
            Self::Failed(told) if told.code == Code::CentralNotFound => {
                CheckFinding::skip(Check::Range, TalkMessage::NoPackage)
            }
            Self::Failed(told) => told.fails(),
        }
    }
}

/// `now`: by the time that the box uses; `later`: by a time three weeks on.
fn certificate(
    now: &Result<(), ReportedFault>,
    later: Option<&Result<(), ReportedFault>>,
) -> CheckFinding {
    if let Err(told) = now {
        return told.fails();
    }
    match later {
        // A handshake that was cut says nothing of the day on which the certificate ends.
        Some(Err(told)) if told.code == Code::NetTlsExpired => {
            CheckFinding::warn(Code::NetTlsExpiring, TalkMessage::CertificateEnds).detail(told)
        }
        _ => CheckFinding::pass(Check::Tls, TalkMessage::CertificateValid),
    }
}

fn supports(supported: &[String], version: &Result<String, ReportedFault>) -> CheckFinding {
    match version {
        Err(told) => told.fails(),
        Ok(version) if supported.contains(version) => {
            let version = version.clone();
            CheckFinding::pass(Check::Version, TalkMessage::Supported { version })
        }
        Ok(version) => {
            let version = version.clone();
            let summary = match supported {
                [] => TalkMessage::SupportsNothing { version },
                all => TalkMessage::UnsupportedOf {
                    version,
                    supported: outside::ids(all),
                },
            };
            CheckFinding::fail(Code::VersionUnsupported, summary)
        }
    }
}

/// Central answers an unknown organisation with empty lists: a known one has a test centre.
fn organisation(id: &str, centres: &Result<u64, ReportedFault>) -> CheckFinding {
    let id = id.to_owned();
    match centres {
        Err(told) => told.fails(),
        Ok(0) => CheckFinding::fail(
            Code::CatalogueUnknownOrganisation,
            TalkMessage::UnknownOrganisation { id },
        ),
        Ok(count) => {
            let count = *count;
            CheckFinding::pass(Check::Organisation, TalkMessage::Centres { id, count })
        }
    }
}

/// Whether the answer to an anonymous call is one that central gives: a refusal in JSON, or the list itself.
///
/// # Errors
/// `central.not_found` where a TAO knows no synchronisation at this path, `central.foreign` for whatever else answers,
/// or what central itself says of its state.
pub fn who_answers(reply: &Reply) -> Result<(), ReportedFault> {
    let json = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&reply.body);
    let Err(trouble) = answer::versions(reply) else {
        return Ok(());
    };
    let told = |code, cause: AnswerCause| ReportedFault::because(code, cause.into());
    match (trouble.code, json.is_ok()) {
        // Nobody is told "not for you" before he said who he is, but for a path that TAO does not know (protocol 2).
        (Code::AuthRole, true) => Err(told(Code::CentralNotFound, AnswerCause::NoSync)),
        (code, true) if code.is(Area::Auth) => Ok(()),
        (code, false) if code.is(Area::Auth) => {
            let status = reply.status;
            Err(told(
                Code::CentralForeign,
                AnswerCause::PageInstead { status },
            ))
        }
        _ => Err(trouble.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::CheckStatus;

    #[test]
    fn a_page_is_not_central_and_a_refusal_in_json_is() {
        let reply = |status, body: &str| Reply {
            status,
            body: body.into(),
            ..Reply::default()
        };
        let code = |status, body| who_answers(&reply(status, body)).map_err(|t| t.code);
        assert_eq!(code(401, r#"{"success":false,"errorCode":"401"}"#), Ok(()));
        assert_eq!(code(200, r#"{"data":["2022.11"]}"#), Ok(()));
        for (status, body, expected) in [
            (401, "<html>log in", Code::CentralForeign),
            (403, "<html>blocked", Code::CentralForeign),
            (200, "<html>welcome", Code::CentralForeign),
            (302, "", Code::CentralForeign),
            (
                200,
                "<title>Under Maintenance</title>",
                Code::CentralMaintenance,
            ),
            (503, "", Code::CentralUnavailable),
            (404, "", Code::CentralNotFound),
            (
                403,
                r#"{"success":false,"errorCode":403,"errorMsg":"Access denied."}"#,
                Code::CentralNotFound,
            ),
            (
                400,
                "<html><center>No required SSL certificate was sent</center></html>",
                Code::NetTlsClient,
            ),
        ] {
            assert_eq!(code(status, body), Err(expected.into()), "{status} {body}");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        let tls = |code| Err(ReportedFault::new(code, "because"));
        let ended = tls(Code::NetTlsExpired);
        assert_eq!(certificate(&Ok(()), None).status, CheckStatus::Pass);
        assert_eq!(
            certificate(&Ok(()), Some(&Ok(()))).status,
            CheckStatus::Pass
        );
        assert_eq!(
            certificate(&Ok(()), Some(&ended)).code,
            Code::NetTlsExpiring
        );
        // A handshake that was cut says nothing of the day on which the certificate ends.
        assert_eq!(
            certificate(&Ok(()), Some(&tls(Code::NetTls))).code,
            Code::NetTls
        );
        let failed = certificate(&ended, None);
        assert_eq!(
            (failed.code.known(), failed.status),
            (Some(Code::NetTlsExpired), CheckStatus::Fail)
        );
    }

    #[test]
    fn each_step_of_admission_is_told_by_the_first_that_fails() {
        let supports = |versions: Result<&[&str], Code>| {
            Some(
                versions
                    .map(|all| all.iter().map(|v| (*v).to_owned()).collect())
                    .map_err(|code| ReportedFault::new(code, "because")),
            )
        };
        let known = Some(Ok("2022.11".to_owned()));
        let unknown = |code| Some(Err(ReportedFault::new(code, "because")));
        let id = Some(Ok("1001".to_owned()));
        let talk = |versions, version, organisation, centres| Talk {
            versions,
            version,
            organisation,
            centres,
            ..Talk::default()
        };
        let good: &[&str] = &["2022.11"];
        let table = [
            (
                talk(supports(Err(Code::AuthRefused)), None, id.clone(), None),
                Code::AuthRefused,
            ),
            (
                talk(supports(Err(Code::AuthRole)), None, id.clone(), None),
                Code::AuthRole,
            ),
            (
                talk(supports(Ok(&[])), known.clone(), id.clone(), None),
                Code::VersionUnsupported,
            ),
            (
                talk(
                    supports(Ok(good)),
                    unknown(Code::ConfigNoVersion),
                    id.clone(),
                    None,
                ),
                Code::ConfigNoVersion,
            ),
            (
                talk(supports(Ok(good)), known.clone(), id.clone(), Some(Ok(0))),
                Code::CatalogueUnknownOrganisation,
            ),
            (
                talk(
                    supports(Ok(good)),
                    known,
                    unknown(Code::ConfigNoOrganisation),
                    None,
                ),
                Code::ConfigNoOrganisation,
            ),
            // Central need not answer for that.
            (
                talk(None, None, unknown(Code::ConfigNoOrganisation), None),
                Code::ConfigNoOrganisation,
            ),
        ];
        for (talk, code) in table {
            let found = talk.judge();
            let failed: Vec<_> = found
                .values()
                .filter(|finding| finding.status == CheckStatus::Fail)
                .map(|finding| finding.code.known())
                .collect();
            assert_eq!(failed, [Some(code)]);
        }
    }
}
