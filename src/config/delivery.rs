//! How messages are handed over to providers: where those are, how long they may take, and
//! which addresses may be called at all.

use ipnet::IpNet;

use super::{Reader, public_url};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Addresses that may be called though they are private.
    pub allow_private_targets: Vec<IpNet>,
    /// Messages that one process hands over at the same time.
    pub sends_at_once: usize,
    /// Seconds that a provider may take to answer.
    pub send_timeout_seconds: u64,
    /// Seconds after which a message that was being handed over counts as unknown.
    pub send_lease_seconds: u64,
    /// Seconds that an unknown message waits for evidence before it is sent once more, where its
    /// campaign says so.
    pub unknown_wait_seconds: u64,
    /// Where the WhatsApp Cloud API is, with its version.
    pub whatsapp_url: String,
    pub twilio_url: String,
    pub telegram_url: String,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            allow_private_targets: Vec::new(),
            sends_at_once: 128,
            send_timeout_seconds: 15,
            send_lease_seconds: 60,
            unknown_wait_seconds: 900,
            whatsapp_url: "https://graph.facebook.com/v23.0".to_owned(),
            twilio_url: "https://api.twilio.com".to_owned(),
            telegram_url: "https://api.telegram.org".to_owned(),
        }
    }
}

impl Delivery {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let mut url = |name, default| {
            let expected = "a URL of http or https without query, such as https://api.example.org";
            reader.read(name, expected, default, public_url)
        };
        let (whatsapp_url, twilio_url, telegram_url) = (
            url("whatsapp_url", default.whatsapp_url),
            url("twilio_url", default.twilio_url),
            url("telegram_url", default.telegram_url),
        );
        let timeout = reader.number("send_timeout_seconds", 1..=300, default.send_timeout_seconds);
        Self {
            allow_private_targets: reader.read(
                "allow_private_targets",
                "networks with a comma between them, such as 10.0.0.0/8,::1/128",
                default.allow_private_targets,
                networks,
            ),
            sends_at_once: reader.number("sends_at_once", 1..=10_000, default.sends_at_once),
            send_timeout_seconds: timeout,
            // Whoever is in time with a provider that is too late must be in time here too.
            send_lease_seconds: reader
                .number("send_lease_seconds", 2..=3_600, default.send_lease_seconds)
                .max(timeout + 1),
            unknown_wait_seconds: reader.number(
                "unknown_wait_seconds",
                1..=86_400,
                default.unknown_wait_seconds,
            ),
            whatsapp_url,
            twilio_url,
            telegram_url,
        }
    }
}

/// A single address is a network of its own.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    let network = |text: &str| {
        text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)))
    };
    networks.map(network).collect()
}
