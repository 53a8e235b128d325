/** What the Parquet reader refuses before it reserves memory for what a file claims. */
export interface ParquetLimits {
  /** Bytes of the footer, which is held whole. */
  readonly maxFooterBytes: number;
  /** Columns with values, nested ones counted one by one. */
  readonly maxColumns: number;
  /** Bytes of one page after decompression; writers aim at 1 MiB. */
  readonly maxPageBytes: number;
  /** Values of one page, nulls counted. */
  readonly maxPageValues: number;
  /** Bytes of a page's header, which may hold the longest and shortest text of its page. */
  readonly maxHeaderBytes: number;
  /** Rows that a byte of the file may stand for; more is a file of nothing but nulls or lies. */
  readonly maxRowsPerByte: number;
}

export const PARQUET_LIMITS: ParquetLimits = {
  maxFooterBytes: 64 * 2 ** 20,
  maxColumns: 2000,
  maxPageBytes: 256 * 2 ** 20,
  maxPageValues: 2 ** 24,
  maxHeaderBytes: 16 * 2 ** 20,
  maxRowsPerByte: 1000,
};
