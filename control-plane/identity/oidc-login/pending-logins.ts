import { createHash, timingSafeEqual } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { oidcLoginContext, openSecret, sealSecret } from '../../store/envelope.ts';
import type { MasterKeyRing } from '../../store/master-key-ring.ts';
import { Secret } from '../../store/secret.ts';

/** How long a person may take at the issuer. */
const pendingLoginMs = 10 * 60_000;

/** A log-in that is on its way, as long as it is. */
export interface PendingLogin {
  readonly organizationId: string;
  readonly issuerId: string;
  /** PKCE verifier. */
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUrl: string;
}

/** What only whoever began a log-in can present. */
export interface LoginProof {
  /** Goes with the person through the issuer. */
  readonly state: string;
  /** Stays with whoever began: else a stranger could have a person finish the stranger's log-in. */
  readonly loginToken: string;
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Keeps a log-in until it comes back.
 * @param pendingMax how many are on their way through one issuer; a further one pushes the oldest out, so that
 * whoever begins many keeps nobody from logging in who is quick.
 */
export async function savePendingLogin(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  { state, loginToken }: LoginProof,
  { organizationId, issuerId, verifier, nonce, redirectUrl }: PendingLogin,
  { nowMs, pendingMax }: { readonly nowMs: number; readonly pendingMax: number },
): Promise<void> {
  const stateHash = hashOf(state);
  const context = oidcLoginContext({ organizationId, issuerId, stateHash });
  const sealed = sealSecret(masterKeys, context, new Secret(JSON.stringify({ verifier, nonce })));
  await em.execute(
    `delete from oidc_logins where state_hash in (
       select o.state_hash from oidc_logins o where o.organization_id = ? and o.issuer_id = ?
       order by o.created_at desc offset ?)`,
    [organizationId, issuerId, pendingMax - 1],
  );
  await em.execute(
    `insert into oidc_logins (state_hash, organization_id, issuer_id, browser_hash,
       sealed_ciphertext, sealed_wrapped_key, sealed_master_key_id, redirect_url, created_at, expires_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      stateHash,
      organizationId,
      issuerId,
      hashOf(loginToken),
      sealed.ciphertext,
      sealed.wrappedKey,
      sealed.masterKeyId,
      redirectUrl,
      new Date(nowMs),
      new Date(nowMs + pendingLoginMs),
    ],
  );
}

interface Row {
  readonly organization_id: string;
  readonly issuer_id: string;
  readonly browser_hash: Buffer;
  readonly sealed_ciphertext: Buffer;
  readonly sealed_wrapped_key: Buffer;
  readonly sealed_master_key_id: string;
  readonly redirect_url: string;
  readonly expires_at: Date;
}

const textLengthMax = 200;

/**
 * Takes a log-in that comes back. It is gone then, whatever comes of it: a state is good once. Undefined
 * when it is not there, took too long, or was begun by somebody else.
 */
export async function takePendingLogin(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  { state, loginToken }: LoginProof,
  nowMs: number,
): Promise<PendingLogin | undefined> {
  if (state.length > textLengthMax || loginToken.length > textLengthMax) return undefined;
  const stateHash = hashOf(state);
  const [row] = await em.execute<Row[]>(
    'delete from oidc_logins where state_hash = ? returning *',
    [stateHash],
  );
  if (row === undefined || new Date(row.expires_at).getTime() <= nowMs) return undefined;
  if (!timingSafeEqual(hashOf(loginToken), row.browser_hash)) return undefined;
  const { organization_id: organizationId, issuer_id: issuerId } = row;
  const opened = openSecret(masterKeys, oidcLoginContext({ organizationId, issuerId, stateHash }), {
    ciphertext: row.sealed_ciphertext,
    wrappedKey: row.sealed_wrapped_key,
    masterKeyId: row.sealed_master_key_id,
  });
  const { verifier, nonce } = JSON.parse(opened.reveal()) as Pick<
    PendingLogin,
    'verifier' | 'nonce'
  >;
  return { organizationId, issuerId, verifier, nonce, redirectUrl: row.redirect_url };
}
