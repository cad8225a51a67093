//! A provider with bad days: it takes most of what it is asked to send and writes that down for
//! good before it answers, refuses some, is slow, breaks connections before and after it took a
//! message, and tells of each message ten times, in any order, and sometimes before it answers.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rapport::clock::Clock;
use serde_json::{Value, json};

use crate::support::stub::{Asked, Reply, Stub};
use crate::support::whatsapp::{APP_SECRET, LINE, signature};

/// How often each callback is sent.
const TIMES: usize = 10;
const MOST_IN_ONE_CALL: usize = 50;

/// A message that the provider took.
#[derive(Clone, Debug)]
pub struct Taken {
    pub address: String,
    /// Our id.
    pub message_id: String,
}

/// What it did, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub asked: usize,
    pub told_to_wait: usize,
    pub failed: usize,
    pub refused: usize,
    pub cut: usize,
    pub slow: usize,
    pub told_early: usize,
}

#[derive(Clone)]
pub struct Provider(Arc<Shared>);

struct Shared {
    seed: u64,
    asked: AtomicU64,
    log: Mutex<File>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    taken: Vec<Taken>,
    counts: Counts,
    /// Statuses that are still to be sent.
    callbacks: Vec<Value>,
    /// Under way.
    sending: usize,
}

impl Provider {
    pub fn new(seed: u64, folder: &Path) -> Self {
        let log = File::create(folder.join("provider.log")).unwrap();
        Self(Arc::new(Shared {
            seed,
            asked: AtomicU64::new(0),
            log: Mutex::new(log),
            book: Mutex::default(),
        }))
    }

    pub async fn listen(&self) -> Stub {
        let provider = self.clone();
        Stub::start(move |asked| provider.answer(asked)).await
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.0.book.lock().unwrap().taken.clone()
    }

    pub fn counts(&self) -> Counts {
        self.0.book.lock().unwrap().counts
    }

    /// Whether everything was told, and heard.
    pub fn is_quiet(&self) -> bool {
        let book = self.0.book.lock().unwrap();
        book.callbacks.is_empty() && book.sending == 0
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let number = self.0.asked.fetch_add(1, Ordering::SeqCst);
        let mut random = ChaCha8Rng::seed_from_u64(self.0.seed ^ number.wrapping_mul(0x9e37_79b9));
        let error = |code: i64| json!({ "error": { "message": "no", "code": code } });
        let count = |add: fn(&mut Counts)| {
            let mut book = self.0.book.lock().unwrap();
            book.counts.asked += 1;
            add(&mut book.counts);
        };
        let late = |wait: u64, reply| Reply::Late(Duration::from_millis(wait), Box::new(reply));
        match random.random_range(0..1_000) {
            0..10 => {
                count(|counts| counts.told_to_wait += 1);
                let headers = vec![("retry-after", "1".to_owned())];
                Reply::Json { status: 429, headers, body: error(130_429) }
            }
            10..25 => {
                count(|counts| counts.failed += 1);
                Reply::json(500, error(131_000))
            }
            25..40 => {
                count(|counts| counts.failed += 1);
                self.take(asked);
                Reply::json(500, error(131_000))
            }
            40..55 => {
                count(|counts| counts.cut += 1);
                self.take(asked);
                Reply::Cut
            }
            55..65 => {
                count(|counts| counts.cut += 1);
                Reply::Cut
            }
            65..80 => {
                count(|counts| counts.slow += 1);
                // The sender waits for a second.
                late(1_300, self.take(asked))
            }
            80..100 => {
                count(|counts| counts.refused += 1);
                Reply::json(400, error(131_026))
            }
            100..200 => {
                count(|counts| counts.told_early += 1);
                late(150, self.take(asked))
            }
            _ => {
                count(|_| ());
                let answer = self.take(asked);
                late(random.random_range(0..20), answer)
            }
        }
    }

    /// Takes a message for good, then answers.
    fn take(&self, asked: &Asked) -> Reply {
        let body = asked.json();
        let taken = Taken {
            address: body["to"].as_str().unwrap().to_owned(),
            message_id: body["biz_opaque_callback_data"].as_str().unwrap().to_owned(),
        };
        let external_id = format!("wamid.{}", taken.message_id);
        {
            let mut log = self.0.log.lock().unwrap();
            writeln!(log, "{} {}", taken.address, taken.message_id).unwrap();
            log.sync_data().unwrap();
        }
        let mut book = self.0.book.lock().unwrap();
        for status in ["sent", "delivered", "read"] {
            let told = json!({
                "id": external_id,
                "status": status,
                "timestamp": seconds().to_string(),
                "recipient_id": taken.address.trim_start_matches('+'),
                "biz_opaque_callback_data": taken.message_id,
            });
            book.callbacks.extend(std::iter::repeat_n(told, TIMES));
        }
        book.taken.push(taken);
        Reply::json(200, json!({ "messages": [{ "id": external_id }] }))
    }

    /// Sends callbacks to the door, for ever, and keeps what is not answered by 200.
    pub async fn tell(self, door: String) {
        // The servers are elsewhere: nothing here has chosen one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(self.0.seed);
        loop {
            let batch = self.batch(&mut random);
            if batch.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            let heard = post(&http, &door, &batch).await;
            self.told(if heard { Vec::new() } else { batch });
            if !heard {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// A call came back; what was not heard is told again.
    fn told(&self, unheard: Vec<Value>) {
        let mut book = self.0.book.lock().unwrap();
        book.callbacks.extend(unheard);
        book.sending = 0;
    }

    fn batch(&self, random: &mut ChaCha8Rng) -> Vec<Value> {
        let mut book = self.0.book.lock().unwrap();
        let size = random.random_range(1..=MOST_IN_ONE_CALL).min(book.callbacks.len());
        let batch: Vec<Value> = (0..size)
            .map(|_| {
                let index = random.random_range(0..book.callbacks.len());
                book.callbacks.swap_remove(index)
            })
            .collect();
        book.sending = batch.len();
        batch
    }
}

async fn post(http: &reqwest::Client, door: &str, statuses: &[Value]) -> bool {
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550783881", "phone_number_id": LINE },
            "statuses": statuses,
        } }] }],
    });
    let body = body.to_string();
    let request = http
        .post(door)
        .timeout(Duration::from_secs(5))
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature(APP_SECRET, body.as_bytes()))
        .body(body);
    request.send().await.is_ok_and(|answer| answer.status() == 200)
}

fn seconds() -> i64 {
    Clock::System.now().seconds()
}
