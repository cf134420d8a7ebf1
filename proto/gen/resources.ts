// Generated from proto/ by `npm run generate`; edit the .proto file.
import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { ApiKeyInput as _mcpgw_resources_v1_ApiKeyInput, ApiKey as _mcpgw_resources_v1_ApiKey } from './mcpgw/resources/v1/ApiKey.ts';
import type { EndpointInput as _mcpgw_resources_v1_EndpointInput, Endpoint as _mcpgw_resources_v1_Endpoint } from './mcpgw/resources/v1/Endpoint.ts';
import type { IssuerInput as _mcpgw_resources_v1_IssuerInput, Issuer as _mcpgw_resources_v1_Issuer } from './mcpgw/resources/v1/Issuer.ts';
import type { LabelInput as _mcpgw_resources_v1_LabelInput, Label as _mcpgw_resources_v1_Label } from './mcpgw/resources/v1/Label.ts';
import type { OrganizationInput as _mcpgw_resources_v1_OrganizationInput, Organization as _mcpgw_resources_v1_Organization } from './mcpgw/resources/v1/Organization.ts';
import type { PolicyInput as _mcpgw_resources_v1_PolicyInput, Policy as _mcpgw_resources_v1_Policy } from './mcpgw/resources/v1/Policy.ts';
import type { RateLimitInput as _mcpgw_resources_v1_RateLimitInput, RateLimit as _mcpgw_resources_v1_RateLimit } from './mcpgw/resources/v1/RateLimit.ts';
import type { RevocationInput as _mcpgw_resources_v1_RevocationInput, Revocation as _mcpgw_resources_v1_Revocation } from './mcpgw/resources/v1/Revocation.ts';
import type { RoleMappingInput as _mcpgw_resources_v1_RoleMappingInput, RoleMapping as _mcpgw_resources_v1_RoleMapping } from './mcpgw/resources/v1/RoleMapping.ts';
import type { SealKeyInput as _mcpgw_resources_v1_SealKeyInput, SealKey as _mcpgw_resources_v1_SealKey } from './mcpgw/resources/v1/SealKey.ts';
import type { SealKeyRingInput as _mcpgw_resources_v1_SealKeyRingInput, SealKeyRing as _mcpgw_resources_v1_SealKeyRing } from './mcpgw/resources/v1/SealKeyRing.ts';
import type { ServerInput as _mcpgw_resources_v1_ServerInput, Server as _mcpgw_resources_v1_Server } from './mcpgw/resources/v1/Server.ts';
import type { ToolAnnotationsInput as _mcpgw_resources_v1_ToolAnnotationsInput, ToolAnnotations as _mcpgw_resources_v1_ToolAnnotations } from './mcpgw/resources/v1/ToolAnnotations.ts';
import type { ToolPinInput as _mcpgw_resources_v1_ToolPinInput, ToolPin as _mcpgw_resources_v1_ToolPin } from './mcpgw/resources/v1/ToolPin.ts';
import type { UpstreamCredentialInput as _mcpgw_resources_v1_UpstreamCredentialInput, UpstreamCredential as _mcpgw_resources_v1_UpstreamCredential } from './mcpgw/resources/v1/UpstreamCredential.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mcpgw: {
    resources: {
      v1: {
        ApiKey: MessageTypeDefinition<_mcpgw_resources_v1_ApiKeyInput, _mcpgw_resources_v1_ApiKey>
        ArgumentRecording: EnumTypeDefinition
        Endpoint: MessageTypeDefinition<_mcpgw_resources_v1_EndpointInput, _mcpgw_resources_v1_Endpoint>
        Era: EnumTypeDefinition
        Hint: EnumTypeDefinition
        Issuer: MessageTypeDefinition<_mcpgw_resources_v1_IssuerInput, _mcpgw_resources_v1_Issuer>
        Label: MessageTypeDefinition<_mcpgw_resources_v1_LabelInput, _mcpgw_resources_v1_Label>
        Organization: MessageTypeDefinition<_mcpgw_resources_v1_OrganizationInput, _mcpgw_resources_v1_Organization>
        Policy: MessageTypeDefinition<_mcpgw_resources_v1_PolicyInput, _mcpgw_resources_v1_Policy>
        PolicyDefault: EnumTypeDefinition
        PolicyEffect: EnumTypeDefinition
        PolicyMode: EnumTypeDefinition
        RateLimit: MessageTypeDefinition<_mcpgw_resources_v1_RateLimitInput, _mcpgw_resources_v1_RateLimit>
        RefusalForm: EnumTypeDefinition
        Revocation: MessageTypeDefinition<_mcpgw_resources_v1_RevocationInput, _mcpgw_resources_v1_Revocation>
        RoleMapping: MessageTypeDefinition<_mcpgw_resources_v1_RoleMappingInput, _mcpgw_resources_v1_RoleMapping>
        ScopeMode: EnumTypeDefinition
        SealKey: MessageTypeDefinition<_mcpgw_resources_v1_SealKeyInput, _mcpgw_resources_v1_SealKey>
        SealKeyRing: MessageTypeDefinition<_mcpgw_resources_v1_SealKeyRingInput, _mcpgw_resources_v1_SealKeyRing>
        Server: MessageTypeDefinition<_mcpgw_resources_v1_ServerInput, _mcpgw_resources_v1_Server>
        ToolAnnotations: MessageTypeDefinition<_mcpgw_resources_v1_ToolAnnotationsInput, _mcpgw_resources_v1_ToolAnnotations>
        ToolPin: MessageTypeDefinition<_mcpgw_resources_v1_ToolPinInput, _mcpgw_resources_v1_ToolPin>
        Transport: EnumTypeDefinition
        UpstreamCredential: MessageTypeDefinition<_mcpgw_resources_v1_UpstreamCredentialInput, _mcpgw_resources_v1_UpstreamCredential>
      }
    }
  }
}
