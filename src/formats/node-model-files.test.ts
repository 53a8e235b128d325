import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  fixtureBytes,
  fixturePath,
  messageFrom,
  temporaryFolder,
  tensorOf,
} from '../../test/fixtures/formats/support.ts';
import { readAdapterFolder, writeAdapterFolder } from './node-adapter-folder.ts';
import { openModelFiles } from './node-model-files.ts';
import { writeModelFolder } from './node-model-writer.ts';
import { readFiniteFloat32 } from './non-finite.ts';

function modelFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = join(temporaryFolder(), 'model');
  cpSync(fixturePath('sharded'), folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('a folder gives its configuration, its tokenizer files and its weights', async () => {
  const files = {
    'tokenizer.json': '{"model": {}}',
    'tokenizer_config.json': '{"eos_token": "</s>"}',
    'special_tokens_map.json': '{"bos_token": "<s>"}',
    'chat_template.json': '{"chat_template": "from json"}',
  };
  const model = await openModelFiles(modelFolder(files));
  expect(model.format).toBe('huggingface');
  expect(model.config).toMatchObject({ model_type: 'llama', hidden_size: 8, num_hidden_layers: 2 });
  expect(model.generationConfig).toMatchObject({ eos_token_id: 2 });
  expect(model.tokenizer).toEqual({
    kind: 'huggingface',
    tokenizerJson: { model: {} },
    tokenizerConfig: { eos_token: '</s>' },
    chatTemplate: 'from json',
    specialTokensMap: { bos_token: '<s>' },
  });
  expect(model.checkpoint.entries.size).toBe(21);
  await model.close();
  const withJinja = await openModelFiles(modelFolder({ ...files, 'chat_template.jinja': 'from jinja' }));
  expect(withJinja.tokenizer).toMatchObject({ chatTemplate: 'from jinja' });
  await withJinja.close();
});

test('a folder without tokenizer.json says so in its tokenizer', async () => {
  const folder = modelFolder();
  const model = await openModelFiles(folder);
  expect(model.tokenizer).toEqual({
    kind: 'none',
    reason: `${folder}: must hold tokenizer.json, got a folder without it`,
  });
  await model.close();
});

test('the problems of all files are reported at once', async () => {
  const folder = modelFolder({
    'tokenizer.json': '{"model": ',
    'generation_config.json': '[1]',
    'chat_template.json': '{}',
    'model-00002-of-00004.safetensors': 'short',
  });
  rmSync(join(folder, 'config.json'));
  rmSync(join(folder, 'model-00003-of-00004.safetensors'));
  const lines = (await messageFrom(() => openModelFiles(folder))).split('\n');
  expect(lines.map((line) => line.replaceAll(folder, 'M')).toSorted()).toEqual([
    'M/chat_template.json: chat_template must be a string, got nothing',
    'M/generation_config.json: must hold a JSON object, got an array of 1',
    'M/model-00002-of-00004.safetensors at byte 0: a safetensors file must have at least 10 bytes, got 5; it is truncated or empty',
    'M/model-00003-of-00004.safetensors: must exist, got nothing at this path; check the spelling',
    'M/tokenizer.json:1:11: a JSON value must stand here, got the end of the text',
    'M: must hold config.json, got a folder without it; copy it from the model',
  ]);
});

test('a GGUF file opens by its name, and by a folder that holds only that one', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'Model.GGUF');
  writeFileSync(file, fixtureBytes('qwen3.gguf'));
  for (const location of [file, folder]) {
    const model = await openModelFiles(location);
    expect([model.location, model.format, model.config.model_type]).toEqual([location, 'gguf', 'qwen3']);
    await model.close();
  }
  writeFileSync(join(folder, 'another.gguf'), '');
  expect(await messageFrom(() => openModelFiles(folder))).toBe(
    `${folder}: must hold model.safetensors, model.safetensors.index.json or one .gguf file, got Model.GGUF, another.gguf; name one of these files`,
  );
});

test('folders without readable weights say what they hold and what to do', async () => {
  const wanted = 'must hold model.safetensors, model.safetensors.index.json or one .gguf file';
  const refusal = (...names: readonly string[]): Promise<string> => {
    const folder = join(temporaryFolder(), 'm');
    mkdirSync(folder);
    for (const name of names) writeFileSync(join(folder, name), 'x');
    return messageFrom(() => openModelFiles(folder)).then((message) => message.replace(`${folder}: ${wanted}, `, ''));
  };
  expect(await refusal()).toBe('got an empty folder');
  expect(await refusal('config.json', 'pytorch_model.bin')).toBe(
    'got pytorch_model.bin, which is not read because loading it runs code; convert it to safetensors',
  );
  expect(await refusal('adapter_config.json')).toBe('got an adapter; name its base model here');
  expect(await refusal('b.txt', 'a.txt')).toBe('got 2 other files such as a.txt; check the path');
  expect(await messageFrom(() => openModelFiles('/no/such/model'))).toBe(
    '/no/such/model: must exist, got nothing at this path; check the spelling',
  );
});

test('a written model holds config with its dtype, copied tokenizer files and nothing else', async () => {
  const parent = temporaryFolder();
  const tokenizer = join(parent, 'tokenizer.json');
  writeFileSync(tokenizer, '{"version": "1.0"}');
  const path = join(parent, 'deep', 'model');
  const content = {
    config: { model_type: 'llama', torch_dtype: 'float32' },
    generationConfig: { eos_token_id: 2 },
    tokenizerFilesToCopy: [tokenizer],
    tensors: [tensorOf('w', [2], [1, NaN])],
    type: 'BF16',
  } as const;
  await writeModelFolder(path, content);
  expect(readFileSync(join(path, 'config.json'), 'utf8')).toBe(
    '{\n  "model_type": "llama",\n  "dtype": "bfloat16"\n}\n',
  );
  const model = await openModelFiles(path);
  expect([model.generationConfig, model.tokenizer]).toMatchObject([
    { eos_token_id: 2 },
    { tokenizerJson: { version: '1.0' } },
  ]);
  expect(await messageFrom(() => readFiniteFloat32(model.checkpoint, 'w'))).toBe(
    'w: weights must be finite, got 1 NaN and 0 infinite of 2 values, the first at element 1; the file is damaged or its training diverged',
  );
  await model.close();
  expect(
    await messageFrom(() =>
      writeModelFolder(join(parent, 'x'), { ...content, tokenizerFilesToCopy: ['a/config.json'] }),
    ),
  ).toBe('writeModelFolder: tokenizer files must not be what the writer writes itself, got config.json; leave it out');
});

test('an adapter folder keeps its configuration and tensors, and reports both files', async () => {
  const path = join(temporaryFolder(), 'adapter');
  const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
  const config = { peft_type: 'LORA', r: 2, target_modules: ['q_proj'] };
  await writeAdapterFolder(path, { config, tensors: [tensorOf(name, [2, 2], [1, 2, 3, 4])] });
  const adapter = await readAdapterFolder(path);
  expect(adapter.config).toEqual(config);
  expect([...(await adapter.checkpoint.readFloat32(name))]).toEqual([1, 2, 3, 4]);
  await adapter.checkpoint.close();

  writeFileSync(join(path, 'adapter_config.json'), '{"r": 2}');
  rmSync(join(path, 'adapter_model.safetensors'));
  writeFileSync(join(path, 'adapter_model.bin'), '');
  expect((await messageFrom(() => readAdapterFolder(path))).replaceAll(path, 'A').split('\n')).toEqual([
    'A: must hold adapter_model.safetensors, got adapter_model.bin, which is not read because loading it runs code; convert it to safetensors',
    'A/adapter_config.json: peft_type must be a string such as "LORA", got nothing',
  ]);
});
