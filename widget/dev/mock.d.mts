import type { Connection, DomainCheck } from "../src/documents";

export interface World {
  connections: Map<string, Connection>;
  pace: number;
  hostnameClaim: string | null;
  tokens: Set<string>;
  analysis: Record<string, Partial<DomainCheck>>;
  add(hostname: string, moment?: string): Connection;
  set(id: string, moment: string | Partial<Connection>): void;
}

export interface KeptRequest {
  url: string;
  headers: Record<string, string | undefined>;
  body: { documentId: string; operationName: string; variables: unknown; query?: string } | null;
}

export interface Mock {
  url: string;
  world: World;
  faults: { sockets: boolean; events: boolean; requests: boolean; silent: boolean };
  requests: KeptRequest[];
  sockets(): number;
  cut(code?: number): void;
  close(): void;
}

export function mock(options?: { port?: number; files?: unknown }): Promise<Mock>;
