import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { OrganizationPermission as PermissionName } from '../../identity/roles.ts';
import { connectionType } from './connection.ts';
import { OrganizationPermission, OrganizationRole } from './enums.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('CustomRole', {
  description: 'A role that an organization put together from permissions.',
})
export class CustomRoleType {
  @Field(() => ID, { description: 'Identifies the role.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Unique in the organization; policies know the role by it.' })
  name!: string;

  @Field(() => String, { description: 'What it is for.' })
  description!: string;

  @Field(() => [OrganizationPermission], { description: 'What it allows; all else is denied.' })
  permissions!: readonly string[];

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@ObjectType('ServiceAccount', {
  description: 'A program that acts in an organization, by API keys.',
})
export class ServiceAccountType {
  @Field(() => ID, { description: 'Identifies the account; its subject is `service:<id>`.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Unique in the organization.' })
  name!: string;

  @Field(() => String, { description: 'What it is for.' })
  description!: string;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What it may do; null: a custom role.',
  })
  role!: string | null;

  @Field(() => ID, { nullable: true, description: 'The custom role; null: a built-in one.' })
  customRoleId!: string | null;

  @Field(() => String, { description: 'Name of the role, built-in or custom.' })
  roleName!: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when its keys are refused everywhere; null: they are good.',
  })
  disabledAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('ServiceAccountFilter', {
  description: 'Which service accounts to list; conditions are combined with “and”.',
})
export class ServiceAccountFilter {
  @Field(() => String, {
    nullable: true,
    description: 'Only accounts whose name contains this text.',
  })
  search?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only accounts that are disabled, or aren’t.',
  })
  disabled?: boolean | null;
}

@InputType('CreateCustomRoleInput', { description: 'A new role.' })
export class CreateCustomRoleInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => String, {
    description: 'Lower-case letters, digits and hyphens; not the name of a built-in role.',
  })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What it is for, at most 1,000 characters.',
  })
  description?: string | null;

  @Field(() => [OrganizationPermission], {
    description: 'What it allows: at least one thing, and nothing that the caller may not do.',
  })
  permissions!: PermissionName[];
}

@InputType('UpdateCustomRoleInput', {
  description:
    'Changes to a role; what is left out stays. They hold from the next request of everybody who has the role.',
})
export class UpdateCustomRoleInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The role; one that allows no more than the caller may.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => String, { nullable: true, description: 'New description.' })
  description?: string | null;

  @Field(() => [OrganizationPermission], {
    nullable: true,
    description: 'Everything that it allows from now on.',
  })
  permissions?: PermissionName[] | null;
}

@InputType('CreateServiceAccountInput', { description: 'A new service account.' })
export class CreateServiceAccountInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Lower-case letters, digits and hyphens.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What it is for, at most 1,000 characters.',
  })
  description?: string | null;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'What it may do; not more than the caller may.',
  })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'A custom role, instead of `role`.' })
  customRoleId?: string | null;
}

@InputType('UpdateServiceAccountInput', {
  description: 'Changes to a service account; what is left out stays. Its keys follow at once.',
})
export class UpdateServiceAccountInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The account; one that may do no more than the caller.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => String, { nullable: true, description: 'New description.' })
  description?: string | null;

  @Field(() => OrganizationRole, {
    nullable: true,
    description: 'The new role; not more than the caller may.',
  })
  role?: string | null;

  @Field(() => ID, { nullable: true, description: 'A custom role, instead of `role`.' })
  customRoleId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether its keys are refused, here and on every node.',
  })
  disabled?: boolean | null;
}

export const CustomRoleConnection = connectionType(
  'CustomRole',
  () => CustomRoleType,
  'custom roles, oldest first',
);

export const ServiceAccountConnection = connectionType(
  'ServiceAccount',
  () => ServiceAccountType,
  'service accounts, oldest first',
);

export const CustomRolePayload = payloadType(
  'CustomRolePayload',
  'What became of a change to a role.',
  { customRole: { type: () => CustomRoleType, description: 'The role as it is now.' } },
);

export const ServiceAccountPayload = payloadType(
  'ServiceAccountPayload',
  'What became of a change to a service account.',
  { serviceAccount: { type: () => ServiceAccountType, description: 'The account as it is now.' } },
);
