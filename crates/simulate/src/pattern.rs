//! Several problems by one pattern: `bbob/f{1,8,15-20}/{5,10}d/i{1-3}`, `mixed/*/i0`, `curves`.

use crate::suite::{NoProblem, ProblemName, Suite, of};

/// More problems than anybody has the time for.
const MOST: usize = 100_000;

/// The problems of a pattern, in its order.
///
/// In braces, each number and each of a range stands for a name of its own; a family `*` for every one of the suite. What is
/// left out at the end is every family, 5 dimensions and the first instance.
///
/// # Errors
/// When the pattern cannot be read, or one of its names is no problem's.
pub fn expand(pattern: &str) -> Result<Vec<ProblemName>, NoProblem> {
    let wrong = |reason| NoProblem {
        name: pattern.to_owned(),
        reason,
    };
    let texts = without_braces(pattern).map_err(wrong)?;
    let mut count = 0;
    for text in &texts {
        count += families(text).map_err(wrong)?.1.len();
        if count > MOST {
            return Err(wrong(too_many()));
        }
    }
    let mut names = Vec::with_capacity(count);
    for text in &texts {
        for name in completed(text).map_err(wrong)? {
            names.push(name.parse()?);
        }
    }
    Ok(names)
}

fn too_many() -> String {
    format!("it stands for more than {MOST} problems")
}

/// The texts that a pattern with braces stands for.
fn without_braces(pattern: &str) -> Result<Vec<String>, String> {
    let mut texts = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, braced)) = rest.split_once('{') {
        let (inside, after) = braced
            .split_once('}')
            .ok_or("a brace is opened and not closed")?;
        let choices = choices(inside)?;
        if texts.len().saturating_mul(choices.len()) > MOST {
            return Err(too_many());
        }
        let with = |text: &String| {
            let text = format!("{text}{before}");
            choices
                .iter()
                .map(move |choice| format!("{text}{choice}"))
                .collect::<Vec<_>>()
        };
        texts = texts.iter().flat_map(with).collect();
        rest = after;
    }
    if rest.contains('}') {
        return Err("a brace is closed that is not open".to_owned());
    }
    texts.iter_mut().for_each(|text| text.push_str(rest));
    Ok(texts)
}

/// `1,3-5` as 1, 3, 4 and 5.
fn choices(inside: &str) -> Result<Vec<String>, String> {
    let mut choices = Vec::new();
    for choice in inside.split(',').map(str::trim) {
        let Some((first, last)) = choice.split_once('-') else {
            choices.push(choice.to_owned());
            continue;
        };
        let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
            return Err(format!(
                "{choice:?} is not a range of whole numbers, such as 1-5"
            ));
        };
        if first > last {
            return Err(format!("the range {choice} ends before it begins"));
        }
        if choices.len() + (last - first) as usize >= MOST {
            return Err(too_many());
        }
        choices.extend((first..=last).map(|number| number.to_string()));
    }
    Ok(choices)
}

/// The suite of a text, and the families that it stands for.
fn families(text: &str) -> Result<(&'static dyn Suite, Vec<String>), String> {
    let mut parts = text.split('/');
    let suite = of(parts.next().unwrap_or_default())?;
    let families = match parts.next() {
        None | Some("*") => suite.families(),
        Some(family) => vec![family.to_owned()],
    };
    Ok((suite, families))
}

/// A text with what is left out at its end, once for every family that it stands for.
fn completed(text: &str) -> Result<Vec<String>, String> {
    let (suite, families) = families(text)?;
    let mut rest: Vec<String> = text.split('/').skip(2).map(str::to_owned).collect();
    let has_dimension = suite.dimensions().is_some();
    if has_dimension && rest.is_empty() {
        rest.push("5d".to_owned());
    }
    if rest.len() == usize::from(has_dimension) {
        rest.push(format!("i{}", suite.instances().0));
    }
    let name = |family: String| format!("{}/{family}/{}", suite.name(), rest.join("/"));
    Ok(families.into_iter().map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        let names = expand(pattern).unwrap();
        names.iter().map(ToString::to_string).collect()
    }

    fn refusal(pattern: &str) -> String {
        expand(pattern).unwrap_err().to_string()
    }

    #[test]
    fn a_pattern_stands_for_the_product_of_its_choices() {
        assert_eq!(names("bbob/f8/10d/i3"), ["bbob/f8/10d/i3"]);
        assert_eq!(
            names("bbob/f{1,8-9}/{5,10}d/i1"),
            [
                "bbob/f1/5d/i1",
                "bbob/f1/10d/i1",
                "bbob/f8/5d/i1",
                "bbob/f8/10d/i1",
                "bbob/f9/5d/i1",
                "bbob/f9/10d/i1"
            ]
        );
        assert_eq!(
            names("{bbob,noisy}/f1/2d/i7"),
            ["bbob/f1/2d/i7", "noisy/f1/2d/i7"]
        );
    }

    #[test]
    fn what_is_left_out_is_every_family_and_the_usual() {
        assert_eq!(names("bbob").len(), 24);
        assert_eq!(names("bbob/*/10d").last().unwrap(), "bbob/f24/10d/i1");
        assert_eq!(names("noisy/f3"), ["noisy/f3/5d/i1"]);
        assert_eq!(
            names("curves"),
            ["curves/digits/i0", "curves/digits-epochs/i0"]
        );
        assert_eq!(names("mixed/*/i{2-3}").len(), 2 * names("mixed").len());
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        for (pattern, told) in [
            (
                "bob/f1",
                r#"no problem "bob/f1": there is no suite "bob"; did you mean "bbob"?"#,
            ),
            (
                "x",
                r#"no problem "x": there is no suite "x"; known: bbob, noisy, mixed, curves"#,
            ),
            (
                "bbob/f25/5d/i1",
                r#"no problem "bbob/f25/5d/i1": bbob has no "f25"; did you mean "f2"?"#,
            ),
            (
                "bbob/f1/1d/i1",
                r#"no problem "bbob/f1/1d/i1": dimension 1 is not from 2 to 100"#,
            ),
            (
                "bbob/f1/i1",
                r#"no problem "bbob/f1/i1/i1": it has no dimension; expected bbob/f1/5d/i1"#,
            ),
            (
                "mixed/training/5d/i1",
                r#"no problem "mixed/training/5d/i1": expected mixed/training/i0"#,
            ),
            (
                "mixed/training/one",
                r#"no problem "mixed/training/one": it has no instance; expected mixed/training/i0"#,
            ),
            (
                "bbob/f1/5d/i{1-",
                r#"no problem "bbob/f1/5d/i{1-": a brace is opened and not closed"#,
            ),
            (
                "bbob/f1}",
                r#"no problem "bbob/f1}": a brace is closed that is not open"#,
            ),
            (
                "bbob/f{5-1}",
                r#"no problem "bbob/f{5-1}": the range 5-1 ends before it begins"#,
            ),
            (
                "bbob/f{a-b}",
                r#"no problem "bbob/f{a-b}": "a-b" is not a range of whole numbers, such as 1-5"#,
            ),
            (
                "bbob/f{1-999}/{2-100}d/i{1-999}",
                r#"no problem "bbob/f{1-999}/{2-100}d/i{1-999}": it stands for more than 100000 problems"#,
            ),
            // 99,000 texts, 24 families each.
            (
                "bbob/*/{2-100}d/i{1-1000}",
                r#"no problem "bbob/*/{2-100}d/i{1-1000}": it stands for more than 100000 problems"#,
            ),
            (
                "{bbob,mixed}/f{1-60000,1-60000}",
                r#"no problem "{bbob,mixed}/f{1-60000,1-60000}": it stands for more than 100000 problems"#,
            ),
        ] {
            assert_eq!(refusal(pattern), told);
        }
    }
}
