/** Names that hold one of these anywhere, compared without case and separators. */
const telling = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'secret',
  'credential',
  'authorization',
  'cookie',
  'apikey',
  'accesskey',
  'privatekey',
  'signingkey',
  'encryptionkey',
  'masterkey',
  'connectionstring',
  'recoverycode',
  'seedphrase',
] as const;

/** Names that end so: `max_tokens` counts tokens, `refresh_token` is one. */
const tellingEnd = /(?:token|pwd|jwt|otp|apikeys|cvv|cvc)$/;

/** Several of what is one in `tellingEnd`, where a plural alone would be a count. */
const tellingPlural = /(?:access|refresh|auth|id|api|bearer|session|csrf|xsrf|bot)tokens$/;

const tellingAlone: ReadonlySet<string> = new Set([
  'auth',
  'bearer',
  'jwts',
  'pass',
  'pat',
  'pin',
  'pincode',
  'sessionid',
  'sid',
  'sig',
  'signature',
  'ssn',
  'cardnumber',
  'creditcard',
]);

/** What of a longer name is looked at, at either end, in UTF-16 units. */
const endLengthMax = 128;

/**
 * Whether what stands under a name is a secret, as far as the name tells: `apiKey`, `API-KEY`, `x_api_key` and
 * `openai.api.key` are the same.
 */
export function isSecretName(name: string): boolean {
  const looked =
    name.length <= 2 * endLengthMax
      ? name
      : `${name.slice(0, endLengthMax)} ${name.slice(-endLengthMax)}`;
  const compact = looked.toLowerCase().replace(/[^a-z0-9]+/g, '');
  if (tellingAlone.has(compact) || tellingEnd.test(compact)) return true;
  return tellingPlural.test(compact) || telling.some((word) => compact.includes(word));
}
