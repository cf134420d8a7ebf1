// Generated from proto/ by `npm run generate`; edit the .proto file.
import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ControlMessageInput as _mcpgw_discovery_v1_ControlMessageInput, ControlMessage as _mcpgw_discovery_v1_ControlMessage } from '../../../mcpgw/discovery/v1/ControlMessage.ts';
import type { NodeMessageInput as _mcpgw_discovery_v1_NodeMessageInput, NodeMessage as _mcpgw_discovery_v1_NodeMessage } from '../../../mcpgw/discovery/v1/NodeMessage.ts';

export interface ConfigDiscoveryClient extends grpc.Client {
  /**
   * One stream for each node. The node authenticates with its node token in the metadata
   * `authorization: Bearer <token>` and speaks first, with Hello.
   */
  StreamConfig(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_ControlMessage>;
  StreamConfig(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_ControlMessage>;
  /**
   * One stream for each node. The node authenticates with its node token in the metadata
   * `authorization: Bearer <token>` and speaks first, with Hello.
   */
  streamConfig(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_ControlMessage>;
  streamConfig(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_ControlMessage>;
  
}

export interface ConfigDiscoveryHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One stream for each node. The node authenticates with its node token in the metadata
   * `authorization: Bearer <token>` and speaks first, with Hello.
   */
  StreamConfig: grpc.handleBidiStreamingCall<_mcpgw_discovery_v1_NodeMessage, _mcpgw_discovery_v1_ControlMessageInput>;
  
}

export interface ConfigDiscoveryDefinition extends grpc.ServiceDefinition {
  StreamConfig: MethodDefinition<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_ControlMessageInput, _mcpgw_discovery_v1_NodeMessage, _mcpgw_discovery_v1_ControlMessage>
}
