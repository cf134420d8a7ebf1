import { isSecretName } from './secret-names.ts';

/** What stands in place of a secret. */
export const redactedText = '[redacted]';

/**
 * What secrets look like wherever they stand. Each begins where a word begins, and goes on by classes that
 * exclude what follows them: no text makes one try the same stretch again and again.
 */
const shapes: readonly RegExp[] = [
  // Our own: prefixes of `credential.ts`.
  /(?<![A-Za-z0-9_])mcpgw[a-z]?_[A-Za-z0-9]{16,}/g,
  // JWS and JWE in compact form.
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+){0,2}/g,
  // AWS access key ids, those of sessions included.
  /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  // GitHub, GitLab, npm, PyPI, Hugging Face, DigitalOcean.
  /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9_]{30,}|github_pat_[A-Za-z0-9_]{22,})/g,
  /(?<![A-Za-z0-9_-])(?:gl[a-z]{2,5}-[A-Za-z0-9_-]{20,}|pypi-[A-Za-z0-9_-]{40,})/g,
  /(?<![A-Za-z0-9_])(?:npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}|do[opr]_v1_[a-f0-9]{64})/g,
  // Slack.
  /(?<![A-Za-z0-9-])(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}/g,
  /(?<=hooks\.slack\.com\/services\/)[A-Za-z0-9/]{20,}/g,
  // Google: API keys, access tokens, client secrets.
  /(?<![A-Za-z0-9_-])(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})/g,
  // Stripe and those that name theirs alike; OpenAI, Anthropic; SendGrid.
  /(?<![A-Za-z0-9_])(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,}/g,
  /(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{20,}/g,
  /(?<![A-Za-z0-9_-])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g,
];

const authorizationLine =
  /(?<![A-Za-z0-9-])((?:proxy-)?authorization|(?:set-)?cookie)(["']?[ \t]{0,4}[:=])[^\r\n]+/gi;
const bearer = /(?<![A-Za-z0-9])(bearer|dpop)([ \t]{1,4})[A-Za-z0-9._~+/=-]{16,}/gi;
/** Base64 rather than a word: somewhere a capital or a digit follows a small letter. */
const basic =
  /(?<![A-Za-z0-9])(basic|Basic|BASIC)([ \t]{1,4})(?=[A-Za-z0-9+/]{0,64}?[a-z][A-Z0-9])[A-Za-z0-9+/]{8,}={0,2}/g;
/** Name and password in a URL; `://` is where it is looked for. */
const userInfo = /(:\/\/[^\s/?#:@"']{0,256}:)[^\s/?#@"']{1,512}(?=@)/g;
/** `name=value` and `"name": "value"`: queries, connection strings, environment files, JSON within a text. */
const assignment =
  /(?<![\w-])([A-Za-z][\w.-]{0,63})(["']?[ \t]{0,4}[:=][ \t]{0,4})("[^"\r\n]*"|'[^'\r\n]*'|[^\s&;,"'<>]+)/g;

const privateKeyBegin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const privateKeyEnd = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;

/** From a private key's first line to its last, or to the end of a text that was cut. */
function withoutPrivateKeys(text: string): string {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    const begin = privateKeyBegin.exec(rest);
    if (begin === null) return parts.join('') + rest;
    parts.push(rest.slice(0, begin.index), redactedText);
    const after = rest.slice(begin.index + begin[0].length);
    const end = privateKeyEnd.exec(after);
    if (end === null) return parts.join('');
    rest = after.slice(end.index + end[0].length);
  }
}

function withoutAssignedSecrets(text: string): string {
  return text.replace(assignment, (whole, name: string, between: string) =>
    isSecretName(name) ? `${name}${between}${redactedText}` : whole,
  );
}

/**
 * A text with everything in it replaced that looks like a credential. What is only known by whoever uses it,
 * such as a password in a sentence, can't be told from other words. Takes time in the length of the text.
 */
export function redactText(text: string): string {
  // Shorter than any secret with its name.
  if (text.length < 6) return text;
  let result = text.includes('-----BEGIN ') ? withoutPrivateKeys(text) : text;
  for (const shape of shapes) result = result.replace(shape, redactedText);
  result = result
    .replace(authorizationLine, `$1$2 ${redactedText}`)
    .replace(bearer, `$1$2${redactedText}`)
    .replace(basic, `$1$2${redactedText}`)
    .replace(userInfo, `$1${redactedText}`);
  return withoutAssignedSecrets(result);
}
