import { fileURLToPath } from 'node:url';
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as DiscoveryTypes } from '../proto/gen/discovery.ts';
import type { ProtoGrpcType as EventTypes } from '../proto/gen/events.ts';
import type { ProtoGrpcType as ResourceTypes } from '../proto/gen/resources.ts';

/** Largest gRPC message that either side accepts or sends, in bytes. */
export const grpcMessageBytesMax = 16 * 1024 * 1024;

const loaded = loadPackageDefinition(
  loadSync(
    [
      'mcpgw/discovery/v1/discovery.proto',
      'mcpgw/events/v1/events.proto',
      'mcpgw/resources/v1/resources.proto',
    ],
    {
      includeDirs: [fileURLToPath(new URL('../proto', import.meta.url))],
      longs: Number,
      enums: String,
      defaults: true,
      arrays: true,
      oneofs: true,
    },
  ),
) as GrpcObject & {
  mcpgw: DiscoveryTypes['mcpgw'] & EventTypes['mcpgw'] & ResourceTypes['mcpgw'];
};

/** The contracts of `proto/`: service definitions, clients, and messages with `serialize` and `deserialize`. */
export const contracts = {
  discovery: loaded.mcpgw.discovery.v1,
  events: loaded.mcpgw.events.v1,
  resources: loaded.mcpgw.resources.v1,
};
