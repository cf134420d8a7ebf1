// Generated from proto/ by `npm run generate`; edit the .proto file.
export const Transport = {
  TRANSPORT_UNSPECIFIED: 'TRANSPORT_UNSPECIFIED',
  TRANSPORT_STREAMABLE_HTTP: 'TRANSPORT_STREAMABLE_HTTP',
  TRANSPORT_HTTP_SSE: 'TRANSPORT_HTTP_SSE',
} as const;

export type TransportInput =
  | 'TRANSPORT_UNSPECIFIED'
  | 0
  | 'TRANSPORT_STREAMABLE_HTTP'
  | 1
  | 'TRANSPORT_HTTP_SSE'
  | 2

export type Transport = typeof Transport[keyof typeof Transport]
