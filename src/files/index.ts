export {
  removeWhole,
  streamFileAtomic,
  writeFileAtomic,
  writeFolderAtomic,
  writeLinesAtomic,
  type FileRights,
  type FillFolder,
  type WritableFile,
} from './atomic.ts';
export { cacheFolder, cacheHome, unkept, type Environment } from './cache-folder.ts';
export {
  diskError,
  entriesOf,
  errnoOf,
  placeErrorOf,
  placeTrouble,
  requireWritable,
  requireWritableFile,
  syncFile,
  syncFolder,
  whyNotWritable,
  type FolderEntry,
} from './disk.ts';
export { JsonLines, type JsonLinesOptions } from './json-lines.ts';
export { readLines, type LinePlace, type ScannedLine } from './line-scan.ts';
export { acquireLock, isLockEntry, lockOwner, removeDeadAttempts, tryLock, type Lock } from './lock.ts';
export { isTemporary, removeRemains, temporaryName } from './remains.ts';
