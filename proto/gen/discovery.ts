// Generated from proto/ by `npm run generate`; edit the .proto file.
import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AcknowledgmentInput as _mcpgw_discovery_v1_AcknowledgmentInput, Acknowledgment as _mcpgw_discovery_v1_Acknowledgment } from './mcpgw/discovery/v1/Acknowledgment.ts';
import type { ConfigDiscoveryClient as _mcpgw_discovery_v1_ConfigDiscoveryClient, ConfigDiscoveryDefinition as _mcpgw_discovery_v1_ConfigDiscoveryDefinition } from './mcpgw/discovery/v1/ConfigDiscovery.ts';
import type { ControlMessageInput as _mcpgw_discovery_v1_ControlMessageInput, ControlMessage as _mcpgw_discovery_v1_ControlMessage } from './mcpgw/discovery/v1/ControlMessage.ts';
import type { HeartbeatInput as _mcpgw_discovery_v1_HeartbeatInput, Heartbeat as _mcpgw_discovery_v1_Heartbeat } from './mcpgw/discovery/v1/Heartbeat.ts';
import type { HelloInput as _mcpgw_discovery_v1_HelloInput, Hello as _mcpgw_discovery_v1_Hello } from './mcpgw/discovery/v1/Hello.ts';
import type { NodeMessageInput as _mcpgw_discovery_v1_NodeMessageInput, NodeMessage as _mcpgw_discovery_v1_NodeMessage } from './mcpgw/discovery/v1/NodeMessage.ts';
import type { RangeChunkInput as _mcpgw_discovery_v1_RangeChunkInput, RangeChunk as _mcpgw_discovery_v1_RangeChunk } from './mcpgw/discovery/v1/RangeChunk.ts';
import type { RangeCommitInput as _mcpgw_discovery_v1_RangeCommitInput, RangeCommit as _mcpgw_discovery_v1_RangeCommit } from './mcpgw/discovery/v1/RangeCommit.ts';
import type { RejectedResourceInput as _mcpgw_discovery_v1_RejectedResourceInput, RejectedResource as _mcpgw_discovery_v1_RejectedResource } from './mcpgw/discovery/v1/RejectedResource.ts';
import type { ResourceInput as _mcpgw_discovery_v1_ResourceInput, Resource as _mcpgw_discovery_v1_Resource } from './mcpgw/discovery/v1/Resource.ts';
import type { ResourceNameInput as _mcpgw_discovery_v1_ResourceNameInput, ResourceName as _mcpgw_discovery_v1_ResourceName } from './mcpgw/discovery/v1/ResourceName.ts';
import type { ResourceVersionInput as _mcpgw_discovery_v1_ResourceVersionInput, ResourceVersion as _mcpgw_discovery_v1_ResourceVersion } from './mcpgw/discovery/v1/ResourceVersion.ts';
import type { ScopeInput as _mcpgw_discovery_v1_ScopeInput, Scope as _mcpgw_discovery_v1_Scope } from './mcpgw/discovery/v1/Scope.ts';
import type { TypeDigestInput as _mcpgw_discovery_v1_TypeDigestInput, TypeDigest as _mcpgw_discovery_v1_TypeDigest } from './mcpgw/discovery/v1/TypeDigest.ts';
import type { VersionListInput as _mcpgw_discovery_v1_VersionListInput, VersionList as _mcpgw_discovery_v1_VersionList } from './mcpgw/discovery/v1/VersionList.ts';
import type { VersionListRequestInput as _mcpgw_discovery_v1_VersionListRequestInput, VersionListRequest as _mcpgw_discovery_v1_VersionListRequest } from './mcpgw/discovery/v1/VersionListRequest.ts';
import type { WelcomeInput as _mcpgw_discovery_v1_WelcomeInput, Welcome as _mcpgw_discovery_v1_Welcome } from './mcpgw/discovery/v1/Welcome.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mcpgw: {
    discovery: {
      v1: {
        Acknowledgment: MessageTypeDefinition<_mcpgw_discovery_v1_AcknowledgmentInput, _mcpgw_discovery_v1_Acknowledgment>
        ConfigDiscovery: SubtypeConstructor<typeof grpc.Client, _mcpgw_discovery_v1_ConfigDiscoveryClient> & { service: _mcpgw_discovery_v1_ConfigDiscoveryDefinition }
        ControlMessage: MessageTypeDefinition<_mcpgw_discovery_v1_ControlMessageInput, _mcpgw_discovery_v1_ControlMessage>
        Heartbeat: MessageTypeDefinition<_mcpgw_discovery_v1_HeartbeatInput, _mcpgw_discovery_v1_Heartbeat>
        Hello: MessageTypeDefinition<_mcpgw_discovery_v1_HelloInput, _mcpgw_discovery_v1_Hello>
        NodeMessage: MessageTypeDefinition<_mcpgw_discovery_v1_NodeMessageInput, _mcpgw_discovery_v1_NodeMessage>
        RangeChunk: MessageTypeDefinition<_mcpgw_discovery_v1_RangeChunkInput, _mcpgw_discovery_v1_RangeChunk>
        RangeCommit: MessageTypeDefinition<_mcpgw_discovery_v1_RangeCommitInput, _mcpgw_discovery_v1_RangeCommit>
        RejectedResource: MessageTypeDefinition<_mcpgw_discovery_v1_RejectedResourceInput, _mcpgw_discovery_v1_RejectedResource>
        Resource: MessageTypeDefinition<_mcpgw_discovery_v1_ResourceInput, _mcpgw_discovery_v1_Resource>
        ResourceName: MessageTypeDefinition<_mcpgw_discovery_v1_ResourceNameInput, _mcpgw_discovery_v1_ResourceName>
        ResourceVersion: MessageTypeDefinition<_mcpgw_discovery_v1_ResourceVersionInput, _mcpgw_discovery_v1_ResourceVersion>
        Scope: MessageTypeDefinition<_mcpgw_discovery_v1_ScopeInput, _mcpgw_discovery_v1_Scope>
        TypeDigest: MessageTypeDefinition<_mcpgw_discovery_v1_TypeDigestInput, _mcpgw_discovery_v1_TypeDigest>
        VersionList: MessageTypeDefinition<_mcpgw_discovery_v1_VersionListInput, _mcpgw_discovery_v1_VersionList>
        VersionListRequest: MessageTypeDefinition<_mcpgw_discovery_v1_VersionListRequestInput, _mcpgw_discovery_v1_VersionListRequest>
        Welcome: MessageTypeDefinition<_mcpgw_discovery_v1_WelcomeInput, _mcpgw_discovery_v1_Welcome>
      }
    }
  }
}
