import { join } from 'node:path';

/** What lies where in a store. */
export const databasePath = (folder: string): string => join(folder, 'ledger.db');
export const secretPath = (folder: string): string => join(folder, 'secret');
export const lockPath = (folder: string): string => join(folder, 'lock');
export const inboxPath = (folder: string): string => join(folder, 'inbox');
export const filePath = (folder: string, id: string): string => join(folder, 'files', id);
export const jobsPath = (folder: string): string => join(folder, 'jobs');
/** Records that other servers forwarded. */
export const arrivalsPath = (folder: string): string => join(folder, 'arrivals');
