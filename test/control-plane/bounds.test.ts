import { expect, test } from '@jest/globals';
import {
  graphqlBounds,
  graphqlBoundsOf,
  loginBounds,
  organizationBounds,
} from '../../control-plane/bounds.ts';
import { controlPlaneSettings } from '../../control-plane/config.ts';
import { graphqlBoundsDefault } from '../../control-plane/graphql/graphql-bounds.ts';

const defaults = controlPlaneSettings.parse({});

test('the API’s bounds are those of its defaults where nothing is set', () => {
  expect(graphqlBoundsOf(defaults)).toEqual(graphqlBoundsDefault);
});

test('each setting moves one bound, and each bound has a setting', () => {
  const names = [
    ...Object.keys({ ...graphqlBounds, ...loginBounds, ...organizationBounds }),
    'drainTimeoutMs',
  ];
  const moved = names.map((name) => {
    const value = Number(defaults[name as keyof typeof graphqlBounds]) - 1;
    const bounds = graphqlBoundsOf({ ...defaults, [name]: value });
    return Object.entries(graphqlBoundsDefault).flatMap(([bound, before]) =>
      bounds[bound as keyof typeof bounds] === before ? [] : [bound],
    );
  });
  expect(moved.map((bounds) => bounds.length)).toEqual(names.map(() => 1));
  expect(moved.flat().sort()).toEqual(Object.keys(graphqlBoundsDefault).sort());
});

test('a page is never larger by default than it may be at most', () => {
  expect(graphqlBoundsOf({ ...defaults, graphqlPageSizeMax: 10 })).toMatchObject({
    pageSizeMax: 10,
    pageSizeDefault: 10,
  });
});
