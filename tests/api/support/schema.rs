//! The schema as a client sees it, by introspection, and documents made from it.

use serde_json::{Value, json};

use super::gql::Client;

const TYPE: &str = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";

pub struct Schema(Value);

/// A field, an argument or a field of an input.
#[derive(Clone, Copy)]
pub struct Item<'a>(&'a Value);

impl Schema {
    pub async fn fetch(client: &Client) -> Self {
        let item = format!("name description defaultValue type {{ {TYPE} }}");
        let query = format!(
            "{{ __schema {{ queryType {{ name }} mutationType {{ name }} types {{
                kind name description
                fields(includeDeprecated: true) {{ name description args {{ {item} }} type {{ {TYPE} }} }}
                inputFields {{ {item} }}
                enumValues(includeDeprecated: true) {{ name description }}
                possibleTypes {{ name }}
            }} directives {{ name description args {{ {item} }} }} }} }}"
        );
        Self(client.data(&query, json!({})).await["__schema"].clone())
    }

    /// All types of ours, without those of GraphQL itself.
    pub fn types(&self) -> impl Iterator<Item = &Value> {
        let types = list(&self.0, "types");
        types.iter().filter(|each| !each["name"].as_str().unwrap().starts_with("__"))
    }

    pub fn directives(&self) -> &[Value] {
        list(&self.0, "directives")
    }

    pub fn type_named(&self, name: &str) -> &Value {
        self.types().find(|each| each["name"] == name).unwrap_or_else(|| panic!("no type {name}"))
    }

    pub fn fields(&self, type_name: &str) -> Vec<Item<'_>> {
        list(self.type_named(type_name), "fields").iter().map(Item).collect()
    }

    pub fn field(&self, type_name: &str, name: &str) -> Item<'_> {
        let found = self.fields(type_name).into_iter().find(|field| field.name() == name);
        found.unwrap_or_else(|| panic!("no field {type_name}.{name}"))
    }

    pub fn input_fields(&self, type_name: &str) -> Vec<Item<'_>> {
        list(self.type_named(type_name), "inputFields").iter().map(Item).collect()
    }

    pub fn enum_values(&self, type_name: &str) -> Vec<&str> {
        let values = list(self.type_named(type_name), "enumValues");
        values.iter().map(|value| value["name"].as_str().unwrap()).collect()
    }

    pub fn queries(&self) -> Vec<Item<'_>> {
        self.fields(self.0["queryType"]["name"].as_str().unwrap())
    }

    pub fn mutations(&self) -> Vec<Item<'_>> {
        self.fields(self.0["mutationType"]["name"].as_str().unwrap())
    }

    /// The types behind an interface, in order of their names.
    pub fn implementations(&self, interface: &str) -> Vec<&str> {
        let types = list(self.type_named(interface), "possibleTypes");
        let mut names: Vec<&str> =
            types.iter().map(|each| each["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names
    }

    pub fn kind_of(&self, type_name: &str) -> &str {
        self.type_named(type_name)["kind"].as_str().unwrap()
    }

    fn is_leaf(&self, type_name: &str) -> bool {
        matches!(self.kind_of(type_name), "SCALAR" | "ENUM")
    }

    /// What to ask of a type: its plain fields, and those of the objects in it, so deep.
    /// Fields that need an argument are left out.
    pub fn selection(&self, type_name: &str, depth: usize) -> String {
        let mut parts = vec!["__typename".to_owned()];
        if self.kind_of(type_name) != "UNION" {
            for field in self.fields(type_name).iter().filter(|field| !field.needs_arguments()) {
                parts.extend(self.part(field, depth));
            }
        }
        parts.join(" ")
    }

    fn part(&self, field: &Item<'_>, depth: usize) -> Option<String> {
        let inner = field.type_name();
        if self.is_leaf(inner) {
            return Some(field.name().to_owned());
        }
        if depth == 0 {
            return None;
        }
        let first = if field.argument("first").is_some() { "(first: 3)" } else { "" };
        Some(format!("{}{first} {{ {} }}", field.name(), self.selection(inner, depth - 1)))
    }
}

impl<'a> Item<'a> {
    pub fn name(&self) -> &'a str {
        self.0["name"].as_str().unwrap()
    }

    /// The type without the lists and the nullability around it.
    pub fn type_name(&self) -> &'a str {
        let mut inner = &self.0["type"];
        while inner["name"].is_null() {
            inner = &inner["ofType"];
        }
        inner["name"].as_str().unwrap()
    }

    pub fn arguments(&self) -> Vec<Item<'a>> {
        list(self.0, "args").iter().map(Item).collect()
    }

    pub fn argument(&self, name: &str) -> Option<Item<'a>> {
        self.arguments().into_iter().find(|argument| argument.name() == name)
    }

    /// Whether it must be given.
    pub fn is_required(&self) -> bool {
        self.0["type"]["kind"] == "NON_NULL" && self.0["defaultValue"].is_null()
    }

    pub fn needs_arguments(&self) -> bool {
        self.arguments().iter().any(Item::is_required)
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}
