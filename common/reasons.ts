/**
 * One row for each reason that a proxy node answers a call by itself instead of relaying the upstream.
 * `docs/api/reasons.md` lists the same set, and a test holds the two together.
 */
export interface Reason {
  /** Status of the HTTP response. */
  readonly httpStatus: number;
  /**
   * JSON-RPC error code. Specification codes where the specification names the case; ours lie outside
   * -32768 … -32000, which is the specification's range (2026-07-28, basic, "Error codes").
   */
  readonly rpcCode: number;
  /** What happened. */
  readonly message: string;
  /** What the caller can do about it. */
  readonly remedy: string;
}

function reason(httpStatus: number, rpcCode: number, message: string, remedy: string): Reason {
  return { httpStatus, rpcCode, message, remedy };
}

/** Stable reason → row. A reason's name is part of the interface: it stands in replies, records and metrics. */
export const reasons = {
  host_not_allowed: reason(
    403,
    -31403,
    'The Host header names no address of this gateway.',
    'Use the public URL of the gateway, or have it added to the node’s allowed hosts.',
  ),
  origin_not_allowed: reason(
    403,
    -31404,
    'This browser origin may not call the gateway.',
    'Ask an admin to add the origin to the organization’s or the node’s allowed origins.',
  ),
  path_not_found: reason(
    404,
    -31405,
    'This path is no MCP endpoint.',
    'Use /{organization}/{server}/mcp.',
  ),
  method_not_allowed: reason(
    405,
    -31406,
    'This HTTP method is not served here.',
    'Use POST, or what the Allow header names.',
  ),
  headers_too_large: reason(
    431,
    -31407,
    'The request’s headers are too large.',
    'Send smaller headers.',
  ),
  request_malformed: reason(
    400,
    -31408,
    'The request is not valid HTTP.',
    'Check the client’s HTTP implementation.',
  ),
  body_too_large: reason(
    413,
    -31409,
    'The request’s body is too large.',
    'Send a smaller message.',
  ),
  body_timeout: reason(
    408,
    -31410,
    'The request’s body did not arrive in time.',
    'Send the body at once.',
  ),
  content_type_unsupported: reason(
    415,
    -31411,
    'The body must be application/json.',
    'Send Content-Type: application/json.',
  ),
  not_acceptable: reason(
    406,
    -31412,
    'The client must accept both application/json and text/event-stream.',
    'Send Accept: application/json, text/event-stream.',
  ),
  connections_exhausted: reason(
    503,
    -31413,
    'The node serves as many connections as it may.',
    'Try again later, or on another node.',
  ),
  streams_exhausted: reason(
    503,
    -31414,
    'The node holds as many open streams as it may.',
    'Close streams that are no longer needed, or try again later.',
  ),
  node_draining: reason(
    503,
    -31415,
    'The node is shutting down.',
    'Try again; another node will answer.',
  ),
  configuration_missing: reason(
    503,
    -31416,
    'The node has no configuration yet.',
    'Try again in a few seconds.',
  ),

  credential_missing: reason(
    401,
    -31430,
    'The request carries no credential.',
    'Send Authorization: Bearer with an API key or an access token.',
  ),
  credential_invalid: reason(
    401,
    -31431,
    'The credential is not valid.',
    'Check that the API key or access token is complete, current and of this organization.',
  ),
  credential_expired: reason(
    401,
    -31432,
    'The credential has expired.',
    'Ask for a new API key or access token.',
  ),
  credential_revoked: reason(
    401,
    -31433,
    'The credential was revoked.',
    'Ask for a new one, or sign in again.',
  ),
  token_audience_wrong: reason(
    401,
    -31434,
    'The access token is for another resource.',
    'Ask the authorization server for a token whose audience is the URL that is called.',
  ),
  token_issuer_unknown: reason(
    401,
    -31435,
    'This organization doesn’t trust the access token’s issuer.',
    'Use an authorization server that the protected resource metadata names.',
  ),
  token_not_yet_valid: reason(
    401,
    -31436,
    'The access token is not valid yet.',
    'Check the clock of the authorization server, and try again later.',
  ),
  scope_insufficient: reason(
    403,
    -31437,
    'The credential’s scopes don’t cover this call.',
    'Ask for a credential with the scopes that WWW-Authenticate names.',
  ),
  role_missing: reason(
    403,
    -31439,
    'The access token gives its subject no role in this organization.',
    'Ask an admin of the organization which claim of the token gives a role.',
  ),
  verifications_exhausted: reason(
    503,
    -31417,
    'The node verifies as many access tokens as it may.',
    'Try again later, or on another node.',
  ),
  configuration_stale: reason(
    503,
    -31438,
    'The node has not heard from its control plane for longer than the organization allows.',
    'Try again, or on another node.',
  ),

  body_not_utf8: reason(400, -32700, 'The body is not valid UTF-8.', 'Send JSON in UTF-8.'),
  json_malformed: reason(400, -32700, 'The body is not valid JSON.', 'Send one JSON-RPC message.'),
  json_duplicate_key: reason(
    400,
    -32600,
    'An object in the body names the same key twice.',
    'Send each key once.',
  ),
  json_too_deep: reason(400, -32600, 'The body is nested too deeply.', 'Send a flatter message.'),
  message_invalid: reason(
    400,
    -32600,
    'The body is not a JSON-RPC 2.0 message.',
    'Send one request, notification or response.',
  ),
  batch_not_supported: reason(
    400,
    -32600,
    'Batches are not served.',
    'Send one message for each POST.',
  ),
  header_mismatch: reason(
    400,
    -32020,
    'A routing header and the body do not agree.',
    'Send the same value in both.',
  ),
  meta_missing: reason(
    400,
    -32602,
    'A required _meta field is missing or not valid.',
    'Send io.modelcontextprotocol/protocolVersion and io.modelcontextprotocol/clientCapabilities.',
  ),
  protocol_version_unsupported: reason(
    400,
    -32022,
    'The protocol version is not supported.',
    'Use one of the supported versions.',
  ),
  session_required: reason(
    400,
    -31440,
    'The request names no session.',
    'Initialize first, then send Mcp-Session-Id.',
  ),
  session_unknown: reason(
    404,
    -31441,
    'The session has ended or was never begun.',
    'Initialize again.',
  ),
  request_id_in_use: reason(
    400,
    -31442,
    'A request with this id is open already in the session.',
    'Give each request of a session an id of its own.',
  ),
  stream_already_open: reason(
    409,
    -31443,
    'The session has its one event stream already.',
    'Close the other stream first.',
  ),

  server_not_found: reason(
    404,
    -31450,
    'There is no such server for this caller.',
    'Check the organization and the server in the URL.',
  ),
  server_disabled: reason(503, -31451, 'The server is disabled.', 'Ask an admin to enable it.'),
  endpoint_unavailable: reason(
    503,
    -31452,
    'The server has no endpoint that can be used now.',
    'Try again later.',
  ),
  era_not_supported: reason(
    400,
    -31453,
    'The server speaks an older protocol than the request.',
    'Open with initialize.',
  ),

  configuration_refused: reason(
    403,
    -31460,
    'A rule that applies here could not be used by this node, so nothing is allowed.',
    'Ask an admin to look at the node’s rejected resources.',
  ),
  policy_denied: reason(
    403,
    -31461,
    'A policy of the organization denies this call.',
    'Ask an admin of the organization; the policy is named.',
  ),
  policy_not_allowed: reason(
    403,
    -31462,
    'No policy of the organization allows this call.',
    'Ask an admin of the organization for a policy that allows it.',
  ),
  policy_evaluation_failed: reason(
    403,
    -31463,
    'A policy of the organization can’t be decided on this call, so it is denied.',
    'Send the arguments that the policy reads, or ask an admin to mend the policy that is named.',
  ),
  tasks_not_listed: reason(
    400,
    -32601,
    'Tasks can’t be listed: the server sees all callers of the gateway as one.',
    'Keep the ids of your tasks and ask for each.',
  ),

  upstream_connect_failed: reason(
    502,
    -31470,
    'The server could not be reached.',
    'Try again later.',
  ),
  upstream_timeout: reason(
    504,
    -31471,
    'The server did not answer in time.',
    'Try again later, or ask an admin for a longer time-out.',
  ),
  upstream_closed: reason(
    502,
    -31472,
    'The server closed the connection before it answered.',
    'Check whether the call took effect before sending it again.',
  ),
  upstream_unauthorized: reason(
    502,
    -31473,
    'The server refused the gateway’s own credential.',
    'Ask an admin to check the server’s credential.',
  ),
  upstream_redirected: reason(
    502,
    -31474,
    'The server answered with a redirect, which is not followed.',
    'Ask an admin to set the server’s final URL.',
  ),
  upstream_invalid: reason(
    502,
    -31475,
    'The server’s answer does not follow the protocol.',
    'Tell the owner of the server.',
  ),
  upstream_too_large: reason(
    502,
    -31476,
    'The server’s answer is too large.',
    'Ask for less, or ask an admin for a higher bound.',
  ),
  upstream_failed: reason(502, -31477, 'The server failed.', 'Try again later.'),

  record_unavailable: reason(
    503,
    -31480,
    'The call can’t be recorded, and this organization allows no unrecorded calls.',
    'Try again later.',
  ),
  internal_error: reason(
    500,
    -32603,
    'The gateway failed.',
    'Tell the operator, with the trace id.',
  ),
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof reasons;
