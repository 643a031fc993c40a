//! `$(NAME)` as Kubernetes expands it.

/// Replaces `$(NAME)` where `lookup` knows the name and leaves it as it is elsewhere. `$$` stands for one `$`, so `$$(NAME)`
/// stays `$(NAME)`. What was put in is not expanded again.
pub(super) fn expand<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            match lookup(name) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

/// `(NAME)` at the start of `text`: the name, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        expand(text, |name| match name {
            "LR" => Some("0.1"),
            "NESTED" => Some("$(LR)"),
            "EMPTY" => Some(""),
            _ => None,
        })
    }

    #[test]
    fn known_names_are_replaced_and_others_stay() {
        assert_eq!(expanded("--lr=$(LR) $(LR)$(EMPTY)."), "--lr=0.1 0.1.");
        assert_eq!(
            expanded("echo $(date) ${HOME} $HOME"),
            "echo $(date) ${HOME} $HOME"
        );
        assert_eq!(expanded("$(NESTED)"), "$(LR)");
    }

    #[test]
    fn two_dollars_are_one() {
        assert_eq!(expanded("$$(LR)"), "$(LR)");
        assert_eq!(expanded("$$$(LR)"), "$0.1");
        assert_eq!(expanded("$$$$.pid"), "$$.pid");
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in ["", "$", "a$", "$(", "$(LR", "$()", "$é(LR", "100 $ (LR)"] {
            assert_eq!(expanded(text), text);
        }
    }
}
