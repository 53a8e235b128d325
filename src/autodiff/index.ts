export * from './gradient.ts';
