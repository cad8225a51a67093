//! Which replies and opt-outs belong to which sends of a history, naively: each is taken and
//! its send looked for.

use entity::Timestamp;
use entity::kinds::Medium;

use super::fact::{Standing, takes_part};
use super::history::{History, Said, Word};

/// What came upon a send.
#[derive(Clone, Debug, Default)]
pub struct Upon {
    pub replies: Vec<Came>,
    pub opt_outs: Vec<Came>,
}

#[derive(Clone, Copy, Debug)]
pub struct Came {
    pub at: Timestamp,
    /// It quotes the send; else whole seconds after it.
    pub quotes: bool,
    pub seconds_later: i64,
}

impl Came {
    pub fn within(&self, window: i64) -> bool {
        self.quotes || self.seconds_later <= window
    }
}

/// By message.
pub fn responses(history: &History, standings: &[Option<Standing>]) -> Vec<Upon> {
    let mut upon = vec![Upon::default(); history.said.len()];
    for said in history.said.iter().filter(|said| said.inbound()) {
        let Some((send, quotes)) = send_of(history, standings, said) else { continue };
        let seconds_later = said.at.seconds() - history.said[send].at.seconds();
        let came = Came { at: said.at, quotes, seconds_later };
        if is_reply(history, said) {
            upon[send].replies.push(came);
        }
        if said.word == Some(Word::Stop) && changes(history, said) {
            upon[send].opt_outs.push(came);
        }
    }
    upon
}

/// The send that it quotes, else the last one that went out before it.
fn send_of(
    history: &History,
    standings: &[Option<Standing>],
    said: &Said,
) -> Option<(usize, bool)> {
    let is_send =
        |index: usize| standings[index].is_some() && history.said[index].medium == Medium::Mailing;
    if let Some(quoted) = said.quotes.filter(|quoted| is_send(*quoted)) {
        return Some((quoted, true));
    }
    let sends = (0..history.said.len()).filter(|index| {
        let other = &history.said[*index];
        (other.contact, other.inbox) == (said.contact, said.inbox)
            && other.at < said.at
            && is_send(*index)
            && takes_part(history, standings, *index)
    });
    Some((sends.max_by_key(|index| history.said[*index].at)?, false))
}

fn is_reply(history: &History, said: &Said) -> bool {
    match said.word {
        None => true,
        Some(Word::Stop) => false,
        Some(Word::Start) => !changes(history, said),
    }
}

/// Whether a word changes how the address stands, which is in until it says otherwise. Each
/// contact has one address on each inbox here.
fn changes(history: &History, said: &Said) -> bool {
    let words = history.said.iter().filter(|other| {
        (other.contact, other.inbox) == (said.contact, said.inbox) && other.at < said.at
    });
    let last = words.filter(|other| other.word.is_some()).max_by_key(|other| other.at);
    last.and_then(|last| last.word).unwrap_or(Word::Start) != said.word.unwrap_or(Word::Start)
}
