export * from './types.ts';
export * from './open-device.ts';
