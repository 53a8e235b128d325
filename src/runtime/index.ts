export * from './types.ts';
export * from './open-device.ts';
export * from './profile.ts';
export * from './onnx-file.ts';
