import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * argon2id as OWASP's Password Storage Cheat Sheet asks at least: 19 MiB, 2 passes, 1 lane. About 20 ms
 * of one core for each password. Hashes say their own parameters, so that these can be raised later.
 */
const argon2Parameters = {
  memoryKib: 19_456,
  passes: 2,
  parallelism: 1,
  saltBytes: 16,
  tagBytes: 32,
} as const;

/** Above these a stored hash is not computed: whoever can write a row must not be able to exhaust memory. */
const acceptedMax = { memoryKib: 262_144, passes: 16, parallelism: 16 } as const;

const version = 19;

interface Encoded {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** The PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`. */
function encode(encoded: Encoded): string {
  const { memoryKib, passes, parallelism, salt, tag } = encoded;
  return `$argon2id$v=${version}$m=${memoryKib},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

function decode(text: string): Encoded | undefined {
  const match = phcPattern.exec(text);
  if (match === null) return undefined;
  const [, memory, passes, parallelism, salt = '', tag = ''] = match;
  const encoded = {
    memoryKib: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
  const accepted =
    encoded.parallelism >= 1 &&
    encoded.parallelism <= acceptedMax.parallelism &&
    encoded.passes >= 1 &&
    encoded.passes <= acceptedMax.passes &&
    encoded.memoryKib >= 8 * encoded.parallelism &&
    encoded.memoryKib <= acceptedMax.memoryKib;
  return accepted ? encoded : undefined;
}

function derive(
  password: string,
  encoded: Omit<Encoded, 'tag'>,
  tagBytes: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2(
      'argon2id',
      {
        // The same password typed on another keyboard may be composed differently (RFC 8265).
        message: Buffer.from(password.normalize('NFC')),
        nonce: encoded.salt,
        memory: encoded.memoryKib,
        passes: encoded.passes,
        parallelism: encoded.parallelism,
        tagLength: tagBytes,
      },
      (error, tag) => (error === null ? resolve(tag) : reject(error)),
    );
  });
}

/** Hashes a password with a new salt into a PHC string. */
export async function hashPassword(password: string): Promise<string> {
  const { memoryKib, passes, parallelism, saltBytes, tagBytes } = argon2Parameters;
  const parameters = { memoryKib, passes, parallelism, salt: randomBytes(saltBytes) };
  return encode({ ...parameters, tag: await derive(password, parameters, tagBytes) });
}

/** Compares in constant time. False for a hash that is malformed or asks for more work than accepted. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const encoded = decode(phc);
  if (encoded === undefined) return false;
  return timingSafeEqual(await derive(password, encoded, encoded.tag.length), encoded.tag);
}
