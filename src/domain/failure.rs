//! Why messages fail, in words that are the same for every provider: which bucket a
//! provider's code belongs to. The code itself and the provider's text are kept beside it.

use entity::kinds::{FailureBucket, Provider};

/// The bucket of a provider's code; `OTHER` for codes that say nothing we know, and for none.
pub fn bucket(provider: Provider, code: Option<&str>) -> FailureBucket {
    let Some(code) = code.map(str::trim) else { return FailureBucket::Other };
    let known = match provider {
        Provider::WhatsappCloud => whatsapp(code),
        Provider::Twilio => twilio(code),
        // These pass on what another provider said; the codes of the two do not collide.
        Provider::Sandbox | Provider::Webhook | Provider::External => {
            whatsapp(code).or_else(|| twilio(code))
        }
        Provider::Smtp => smtp(code),
        Provider::Telegram => None,
    };
    known.unwrap_or(FailureBucket::Other)
}

/// Error codes of the WhatsApp Business Cloud API
/// (developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes).
fn whatsapp(code: &str) -> Option<FailureBucket> {
    Some(match code {
        "131026" => FailureBucket::Unreachable,
        "131047" => FailureBucket::WindowShut,
        "131048" => FailureBucket::SpamLimit,
        "131049" => FailureBucket::MarketingCap,
        "131050" => FailureBucket::OptedOut,
        "130472" => FailureBucket::Experiment,
        "131056" | "130429" => FailureBucket::RateLimit,
        "131042" => FailureBucket::Payment,
        "131031" | "368" => FailureBucket::Account,
        "130497" => FailureBucket::Country,
        "132000" | "132001" | "132005" | "132007" | "132008" | "132012" | "132015" | "132016" => {
            FailureBucket::Template
        }
        "131051" => FailureBucket::Unsupported,
        "131052" | "131053" => FailureBucket::Media,
        "131030" => FailureBucket::TestList,
        "131021" => FailureBucket::SelfSend,
        "131016" => FailureBucket::Transient,
        // 131000 and 135000 mean that the provider does not know either.
        _ => return None,
    })
}

fn twilio(code: &str) -> Option<FailureBucket> {
    (code == "21610").then_some(FailureBucket::OptedOut)
}

/// Reply codes of mail servers (RFC 5321, 4.2.3; RFC 4954, 6).
fn smtp(code: &str) -> Option<FailureBucket> {
    Some(match code {
        "550" | "551" | "553" => FailureBucket::Unreachable,
        "530" | "534" | "535" | "538" => FailureBucket::Account,
        "421" | "450" | "451" | "452" => FailureBucket::Transient,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatsapp_codes_fall_into_their_buckets() {
        let table = [
            ("131026", FailureBucket::Unreachable),
            ("131047", FailureBucket::WindowShut),
            ("131048", FailureBucket::SpamLimit),
            ("131049", FailureBucket::MarketingCap),
            ("131050", FailureBucket::OptedOut),
            ("130472", FailureBucket::Experiment),
            ("131056", FailureBucket::RateLimit),
            ("130429", FailureBucket::RateLimit),
            ("131042", FailureBucket::Payment),
            ("131031", FailureBucket::Account),
            ("368", FailureBucket::Account),
            ("130497", FailureBucket::Country),
            ("132000", FailureBucket::Template),
            ("132001", FailureBucket::Template),
            ("132005", FailureBucket::Template),
            ("132007", FailureBucket::Template),
            ("132008", FailureBucket::Template),
            ("132012", FailureBucket::Template),
            ("132015", FailureBucket::Template),
            ("132016", FailureBucket::Template),
            ("131051", FailureBucket::Unsupported),
            ("131052", FailureBucket::Media),
            ("131053", FailureBucket::Media),
            ("131030", FailureBucket::TestList),
            ("131021", FailureBucket::SelfSend),
            ("131016", FailureBucket::Transient),
            ("131000", FailureBucket::Other),
            ("135000", FailureBucket::Other),
            ("999999", FailureBucket::Other),
        ];
        for (code, expected) in table {
            assert_eq!(bucket(Provider::WhatsappCloud, Some(code)), expected, "{code}");
        }
    }

    #[test]
    fn codes_belong_to_their_provider() {
        assert_eq!(bucket(Provider::Twilio, Some("21610")), FailureBucket::OptedOut);
        assert_eq!(bucket(Provider::Twilio, Some("131026")), FailureBucket::Other);
        assert_eq!(bucket(Provider::WhatsappCloud, Some("21610")), FailureBucket::Other);
        assert_eq!(bucket(Provider::External, Some("131026")), FailureBucket::Unreachable);
        assert_eq!(bucket(Provider::External, Some("21610")), FailureBucket::OptedOut);
        assert_eq!(bucket(Provider::Smtp, Some("368")), FailureBucket::Other);
        assert_eq!(bucket(Provider::Smtp, Some("550")), FailureBucket::Unreachable);
        assert_eq!(bucket(Provider::Smtp, Some("535")), FailureBucket::Account);
        assert_eq!(bucket(Provider::Smtp, Some("451")), FailureBucket::Transient);
        assert_eq!(bucket(Provider::WhatsappCloud, None), FailureBucket::Other);
    }
}
