export { gradient, vectorJacobian } from './gradient.ts';
