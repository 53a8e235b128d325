import { expect, test } from 'vitest';
import { configText } from './config-text.ts';

test('whole numbers stand as floats where Transformers takes nothing else, and as they are elsewhere', () => {
  const config = {
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    rms_norm_eps: 1e-6,
    initializer_range: 1,
    query_pre_attn_scalar: 256,
    rope_scaling: { factor: 8, original: { rms_norm_eps: 1 } },
    note: '"rms_norm_eps": 3',
  };
  const text = configText(config);
  expect(text.split('\n').slice(1, 6)).toEqual([
    '  "attn_logit_softcapping": 50.0,',
    '  "final_logit_softcapping": 30.0,',
    '  "rms_norm_eps": 0.000001,',
    '  "initializer_range": 1.0,',
    '  "query_pre_attn_scalar": 256,',
  ]);
  expect(text).toContain('      "rms_norm_eps": 1.0\n');
  expect(text).toContain(String.raw`"note": "\"rms_norm_eps\": 3"`);
  expect(JSON.parse(text)).toEqual(config);
});
