export { openOnnxFile, type OnnxFile, type OnnxFileTensor } from './onnx-file.ts';
export { openDevice } from './open-device.ts';
export {
  formatProfile,
  profileProgram,
  summarise,
  type Profile,
  type ProfileEntry,
  type ProfileOptions,
} from './profile.ts';
export {
  MAX_LOADED_SESSIONS,
  MAX_PROGRAMS,
  isDeviceTensor,
  type CompileOptions,
  type Device,
  type DeviceMemory,
  type DeviceName,
  type DeviceTensor,
  type OpenDeviceOptions,
  type Program,
  type ProgramInputs,
  type ProgramValue,
  type RunOptions,
  type UploadOptions,
} from './types.ts';
