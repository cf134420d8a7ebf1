import { expect, test } from '@jest/globals';
import { environmentVariables } from '../../common/environment-variables.ts';
import { environmentVariableOf } from '../../common/settings.ts';
import { controlPlaneSettings } from '../../control-plane/config.ts';
import { dataPlaneSettings } from '../../data-plane/config.ts';

test('the list of variables is exactly what the two planes read', () => {
  const read = [
    'MCPGW_ENV',
    ...Object.keys(controlPlaneSettings.shape).map(environmentVariableOf),
    ...Object.keys(dataPlaneSettings.shape).map(environmentVariableOf),
  ];
  expect([...environmentVariables].sort()).toEqual([...new Set(read)].sort());
});
