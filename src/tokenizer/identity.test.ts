import { expect, it } from 'vitest';
import { digestOf } from './identity.ts';

it('digestOf is SHA-256 of the canonical JSON', () => {
  // sha256sum of `{}` and of `{"a":[1,"é"],"b":null}`.
  expect(digestOf({})).toBe('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  expect(digestOf({ b: null, c: undefined, a: [1, 'é'] })).toBe(
    '1e02bc81a26af2f027329541e97eef36f3290bedc6dfe043dbe66b057ecb13ba',
  );
});
