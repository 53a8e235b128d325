/** What the readers refuse, so that a hostile or mistaken file costs neither memory nor time without bound. */
export interface DataLimits {
  /** Bytes of one JSONL line or one element of a JSON array. */
  readonly maxRecordBytes: number;
  /** Objects and lists inside each other in one record. */
  readonly maxDepth: number;
  /** Bytes of one source after decompression. */
  readonly maxSourceBytes: number;
  /** Records of one source. */
  readonly maxRecords: number;
}

export const DATA_LIMITS: DataLimits = {
  maxRecordBytes: 16 * 2 ** 20,
  maxDepth: 64,
  maxSourceBytes: 2 ** 40,
  maxRecords: 2 ** 31 - 1,
};
