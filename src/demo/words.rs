//! What is said in the demo, and by whom. All people are invented.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

pub const GREETING: &str = "Hello, this is Aurora. How can I help you today?";
pub const NOTE: &str = "Second complaint this month, please be generous.";

/// Source, medium and referrer of a visit to the web site.
pub const VISITS: [(Option<&str>, Option<&str>, &str); 5] = [
    (Some("google"), Some("cpc"), "https://www.google.com/"),
    (Some("newsletter"), Some("email"), "https://mail.example/"),
    (Some("instagram"), Some("social"), "https://l.instagram.com/"),
    (None, None, "https://www.google.com/"),
    (None, None, "https://coffee-blog.example/best-beans"),
];

const FIRST: [&str; 24] = [
    "Ana", "Bruno", "Camila", "Diego", "Elisa", "Fabio", "Gabriela", "Henrique", "Isabel", "João",
    "Karina", "Lucas", "Mariana", "Nuno", "Olívia", "Paulo", "Renata", "Sérgio", "Tatiana",
    "Ulisses", "Vera", "William", "Yara", "Zeca",
];
const LAST: [&str; 20] = [
    "Almeida",
    "Barbosa",
    "Cardoso",
    "Duarte",
    "Esteves",
    "Ferreira",
    "Gomes",
    "Henriques",
    "Lima",
    "Machado",
    "Nogueira",
    "Oliveira",
    "Pereira",
    "Queiroz",
    "Ribeiro",
    "Souza",
    "Teixeira",
    "Vieira",
    "Xavier",
    "Zanetti",
];
const QUESTIONS: [&str; 10] = [
    "Hi, where is my order?",
    "Do you have the Ethiopia beans in stock?",
    "Good morning! Can I change my delivery address?",
    "The grinder arrived broken.",
    "What are your opening hours?",
    "I would like to cancel my subscription.",
    "Can you grind for a French press?",
    "Is there a discount for ten bags?",
    "I was charged twice.",
    "Which roast would you recommend for espresso?",
];
const ANSWERS: [&str; 8] = [
    "Let me check that for you.",
    "It left our roastery this morning, you should have it tomorrow.",
    "Of course, I have changed it.",
    "I am sorry about that. A new one is on its way.",
    "Yes, we have plenty.",
    "Could you send me the order number, please?",
    "I have refunded the second payment.",
    "For espresso I would take the dark house blend.",
];
const REPLIES: [&str; 9] = [
    "Thank you!",
    "Great, thanks",
    "And when will it arrive?",
    "Order 48213",
    "Perfect 👍",
    "I will think about it",
    "Yes please",
    "No, thank you",
    "How much is shipping?",
];

pub fn question(rng: &mut ChaCha8Rng) -> &'static str {
    QUESTIONS.choose(rng).copied().unwrap_or(QUESTIONS[0])
}

pub fn answer(rng: &mut ChaCha8Rng) -> &'static str {
    ANSWERS.choose(rng).copied().unwrap_or(ANSWERS[0])
}

pub fn reply(rng: &mut ChaCha8Rng) -> &'static str {
    if rng.random_bool(0.3) {
        REPLIES[0]
    } else {
        REPLIES.choose(rng).copied().unwrap_or(REPLIES[0])
    }
}

/// The name of the person with that number.
pub fn name(person: u32) -> String {
    let index = usize::try_from(person).unwrap_or(0);
    format!("{} {}", FIRST[index * 7 % FIRST.len()], LAST[index / FIRST.len() % LAST.len()])
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

pub fn email(name: &str, person: u32) -> String {
    format!("{}{person}@mail.example", plain(name))
}

pub fn nickname(name: &str, person: u32) -> String {
    format!("{}_{}", plain(name), person % 97)
}

/// The body of a template with something in place of each variable.
pub fn fill(body: &str, rng: &mut ChaCha8Rng) -> String {
    let number = rng.random_range(10_000..100_000);
    let hour = rng.random_range(8..18);
    let first = match body {
        _ if body.contains("Delivery today") => format!("{hour}:00"),
        _ if body.contains("cart") => "Yirgacheffe, 500 g".to_owned(),
        _ if body.contains("This week") => "all dark roasts".to_owned(),
        _ => format!("{number}"),
    };
    let second = if body.contains("Delivery today") {
        format!("{}:00", hour + 2)
    } else {
        "the 28th".to_owned()
    };
    body.replace("{{1}}", &first).replace("{{2}}", &second)
}
