export * from './row.ts';
export * from './packing.ts';
export * from './micro-batches.ts';
export * from './epoch-order.ts';
