// lib/profile: figures of its sentences, as text.
// in: numbers · out: short readable figures

/** A share as per cent, small ones with a decimal. */
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Bytes as MiB, small ones with a decimal. */
export const mebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(bytes < 10_485_760 ? 1 : 0)} MiB`;
