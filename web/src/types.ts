// The JSON that the server answers with, as far as the page reads it (docs/chart-json.md has every field).

export type Verdict = 'fails' | 'unknown' | 'limited' | 'works' | 'pending';
export type Place = 'pod' | 'outside' | 'node';

export interface InputAnswer {
  kind: string;
  sources: { name: string; bytes?: number; error?: string }[];
  problems: string[];
}

export interface StateAnswer {
  revision: number;
  kind: 'files' | 'live' | 'proxy' | 'nodes' | 'dropped';
  title: string;
  version: string;
  readAt: string;
  nodes: string[];
  hasCluster: boolean;
  canWatch: boolean;
  hasTimeline: boolean;
  input: InputAnswer | null;
  command: string;
}

export interface HomeRow {
  service: string | null;
  port: string | null;
  name: string;
  protocol: string;
  family: string;
  writer: string | null;
  frontends: { kind: string; text: string }[];
  endpoints: number;
  total: number | null;
  shares: 'equal' | 'unequal' | 'unknown' | 'none';
  policies: string[];
  rulesBefore: number | null;
  state: Verdict;
  verdict: string | null;
  code: string | null;
  cause: string | null;
  when: string | null;
  where: string | null;
  who: string[];
}

export interface HomeAnswer {
  revision: number;
  isComplete: boolean;
  messages?: string[];
  notes: string[];
  rows: HomeRow[];
}

export interface Asked<T> {
  command: string;
  status: number;
  messages: string[];
  answer: T | null;
}

export interface Diagnosis {
  subject: string;
  client: string;
  state: Verdict;
  verdict: string;
  code: string | null;
  cause: string | null;
  rule?: string | null;
  source?: string | null;
  writer?: string | null;
  when?: string | null;
  mend: string | null;
}

export interface WhyAnswer {
  diagnoses: Diagnosis[];
  notes: string[];
}

export interface GraphNode {
  id: string;
  kind: string;
  label: string;
  service?: string;
  addresses?: string[];
  protocol?: string;
  rule?: string;
  owner?: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  label: string;
  clients?: string[];
  when?: string[];
  share?: number;
  masquerade?: 'yes' | 'unknown';
  source?: string;
  hairpin?: 'yes' | 'unknown' | 'no';
  onTheWayTo?: string[];
}

export interface GraphClient {
  id: string;
  place: Place;
  family: string;
  ranges: string[];
  isRest: boolean;
  example: string;
}

export interface GraphAnswer {
  title: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
  clients?: GraphClient[];
  notes: string[];
}

export interface ExplainStep {
  hook: string;
  table: string;
  chain: string;
  rule: number | null;
  why: string;
  what: string;
  destination: string;
}

export interface ExplainPath {
  service: string;
  protocol: string;
  frontend: string;
  kind: string;
  from: Place;
  source: string;
  steps: ExplainStep[];
  choice: { endpoint: string; share: number | null; printed: string }[];
  conclusions: string[];
  unknown: string[];
}

export interface WalkStep {
  hook: string;
  table: string;
  chain: string;
  rule: number | null;
  service: string | null;
  text: string;
  source?: string;
}

export interface Outcome {
  probability: number;
  verdict: 'forward' | 'local' | 'drop' | 'reject' | 'unknown';
  destination: string;
  source?: string;
  masquerade: boolean;
  mark: number;
  reason?: string;
  path: WalkStep[];
  when?: string[];
  candidates?: Outcome[];
  settledBy?: string[];
}

export interface TraceAnswer {
  outcomes: Outcome[];
  notes: string[];
  replies?: { from: string[]; outcomes: Outcome[]; notes: string[] }[];
}

export interface Finding {
  severity: 'error' | 'warning' | 'note';
  code: string;
  subject: string;
  explanation: string;
  advice: string;
  table?: string;
  chain?: string;
  rule?: number;
  text?: string;
  source?: string;
  owner?: string;
}

export interface CheckAnswer {
  findings: Finding[];
  limits: string[];
}

export interface RuleAnswer {
  family: string;
  table: string;
  chain: string;
  purpose: string | null;
  rule: number | null;
  service: string | null;
  text: string;
  meaning: string;
  packets: number | null;
  bytes: number | null;
  source?: string;
}

export interface EndpointAnswer {
  address: string | null;
  share: number | null;
  printed?: string;
  chain?: string;
}

export interface ServiceAnswer {
  service: string | null;
  port: string | null;
  protocol: string;
  family: string;
  writer: string | null;
  status: string;
  affinitySeconds: number | null;
  sourceRanges: string[];
  frontends: { kind: string; address: string | null; port: number; outside: string; obstacle?: string; rulesBefore?: number; endpoints: EndpointAnswer[] }[];
  endpoints: EndpointAnswer[];
  endpointsInCluster?: number;
}

export interface CostsAnswer {
  services: number;
  frontends: number;
  modes: { mode: string; isHere: boolean; isMeasured: boolean; least: number; median: number; most: number; note: string; unit: string }[];
  histogram: { from: number; to: number; services: number }[];
  rows: { name: string; frontend: string; rules: number }[];
}

export interface MatrixAnswer {
  nodes: string[];
  silent: { node: string; reason: string }[];
  isComplete: boolean;
  rows: { service: string; cells: { state: string; endpoints: number; differs: boolean }[]; differs: boolean }[];
}

export interface TimelineEntry {
  time: string;
  kind: 'sync' | 'repair' | 'refused' | 'accepted' | 'mode' | 'start' | 'api' | 'failure' | 'problem';
  text: string;
  services: number | null;
  milliseconds: number | null;
  subject: string | null;
}

export interface TimelineAnswer {
  startedAt: string;
  mode: string;
  modeReason: string;
  cost: { syncs: number; milliseconds: number; changes: number; since: string };
  entries: TimelineEntry[];
}

export interface DropAnswer {
  source: string;
  name: string;
  bytes: number;
  services: number;
  messages: string[];
}

export interface WatchedStep {
  packet: number;
  kind: string;
  hook?: string;
  table?: string;
  chain?: string;
  verdict: string;
  rule?: number;
  service?: string;
  text?: string;
  protocol?: string;
  from?: string;
  to?: string;
  source?: string;
  destination?: string;
  masquerade?: boolean;
}
