// Signing in where keys are demanded: a key is traded for a cookie, which the page itself cannot read.

import { ApiError, messageOf, type Api, type Session } from "./core/api";
import { fill, h } from "./ui/dom";
import { mark } from "./ui/icons";

/** The session of this browser, or null when a key is demanded first. */
export async function currentSession(api: Api): Promise<Session | null> {
  try {
    return await api.session();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** Asks for a key until one is right, then calls `done`. */
export function signInView(api: Api, done: (session: Session) => void): HTMLElement {
  const input = h("input", {
    class: "field",
    type: "password",
    required: true,
    placeholder: "hr_…",
    autocomplete: "current-password",
    spellcheck: "false",
    autofocus: true,
    "aria-describedby": "signin-problem signin-help",
    "data-testid": "signin-key",
  });
  const problem = h("p", {
    class: "signin-problem",
    id: "signin-problem",
    role: "alert",
    "data-testid": "signin-problem",
  });
  const button = h(
    "button",
    { class: "button button-main", type: "submit", "data-testid": "signin-submit" },
    "Sign in",
  );

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    button.disabled = true;
    fill(problem, "");
    try {
      await api.signIn(input.value.trim());
      done(await api.session());
    } catch (error) {
      fill(problem, messageOf(error));
      input.select();
    } finally {
      button.disabled = false;
    }
  };

  return h(
    "section",
    { class: "signin", "aria-labelledby": "signin-title", "data-testid": "signin" },
    mark(),
    h("h1", { id: "signin-title" }, "Sign in to Hashreel"),
    h(
      "form",
      { class: "signin-form", onsubmit: (event: SubmitEvent) => void submit(event) },
      h("label", { class: "labelled" }, h("span", {}, "API key"), input),
      problem,
      button,
    ),
    h(
      "div",
      { class: "signin-help", id: "signin-help" },
      h("p", {}, "No key yet? Whoever runs this server makes one on it:"),
      h("pre", {}, h("code", {}, "hashreel keys create --owner NAME --data DIR")),
      h("p", {}, "The key is shown once. Here it is traded for a cookie and not kept by the page."),
    ),
  );
}
