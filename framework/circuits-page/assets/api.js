// Talks to the runner. A refusal keeps the text that the runner gave.

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

let ended = () => {};

/** Who is told when the session is no longer good. */
export const whenSessionEnds = (run) => (ended = run);

// The header is what another site's form cannot send.
const HEADERS = { Accept: "application/json", "X-Circuits": "1" };

async function send(method, path, body) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const options = { method, headers: { ...HEADERS, ...json }, body: body && JSON.stringify(body), signal: AbortSignal.timeout(30_000) };
  let response;
  try {
    response = await fetch(path, options);
  } catch (fault) {
    throw new Refused(0, `The runner cannot be reached (${fault.message}).`);
  }
  const value = await response.json().catch(() => null);
  if (response.ok) return value;
  throw new Refused(response.status, value?.error ?? `The runner answered ${response.status} ${response.statusText}.`);
}

async function call(method, path, body) {
  try {
    return await send(method, `api/v1/${path}`, body);
  } catch (refused) {
    if (refused.status === 401) ended();
    throw refused;
  }
}

export const read = (path) => call("GET", path);
export const post = (path) => call("POST", path);
export const put = (path, body) => call("PUT", path, body);

/** Like `read`, without an end of the session: for the first look. */
export const whoAmI = () => send("GET", "api/v1/me");
export const logIn = (username, password) => send("POST", "management/session", { username, password });
export const logOut = () => send("DELETE", "management/session");

/** A query of those parameters that have a value. */
export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(kept).toString();
  return text && `?${text}`;
}
