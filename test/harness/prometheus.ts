/** One line of a page of metrics. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/;

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const [whole, name = "", value = ""] = labelPair.exec(rest) ?? [];
    if (whole === undefined || name in labels) throw new Error(`not a set of labels: ${text}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function readValue(text: string): number {
  const known: Readonly<Record<string, number>> = { "+inf": Infinity, "-inf": -Infinity, nan: Number.NaN };
  const value = known[text.toLowerCase()] ?? Number(text);
  if (Number.isNaN(value) && text.toLowerCase() !== "nan") throw new Error(`not a number: ${text}`);
  return value;
}

/**
 * Reads Prometheus's text format, version 0.0.4, strictly: each sample belongs to the family that was described before it, none is there
 * twice, and the buckets of a histogram add up.
 */
export function readMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      if (families.has(name)) throw new Error(`described twice: ${name}`);
      families.set(name, { type: "", help: rest, samples: [] });
      current = name;
    } else if (keyword === "TYPE") {
      const family = families.get(name);
      if (name !== current || family === undefined || family.samples.length > 0) throw new Error(`out of place: ${line}`);
      family.type = rest;
    } else if (line.startsWith("#")) throw new Error(`not understood: ${line}`);
    else {
      const [whole, sample = "", labels = "", value = ""] = sampleLine.exec(line) ?? [];
      const family = families.get(current);
      const suffix = sample.slice(current.length);
      const fits =
        family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : family?.type === "summary" ? ["", "_sum", "_count"] : [""];
      if (whole === undefined || !sample.startsWith(current) || !fits.includes(suffix)) throw new Error(`out of place: ${line}`);
      const read = { name: sample, labels: readLabels(labels), value: readValue(value) };
      const key = JSON.stringify([sample, Object.entries(read.labels).sort()]);
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      family?.samples.push(read);
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkBuckets(name, family);
  return families;
}

function checkBuckets(name: string, { samples }: Family): void {
  const series = new Map<string, { buckets: Sample[]; count: number | undefined }>();
  for (const sample of samples) {
    const { le: _le, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    const one = series.get(key) ?? { buckets: [], count: undefined };
    series.set(key, one);
    if (sample.name.endsWith("_bucket")) one.buckets.push(sample);
    if (sample.name.endsWith("_count")) one.count = sample.value;
  }
  for (const [key, { buckets, count }] of series) {
    const rising = buckets.every(({ value }, index) => value >= (buckets[index - 1]?.value ?? 0));
    const last = buckets.at(-1);
    if (!rising || last?.labels.le !== "+Inf" || last.value !== count)
      throw new Error(`the buckets of ${name}${key} do not add up`);
  }
}

/** The sum of the samples of a name whose labels hold at least these. */
export function sum(families: ReadonlyMap<string, Family>, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = families.get(name) ?? families.get(name.replace(/_(count|sum|bucket)$/, ""));
  if (family === undefined) throw new Error(`there is no metric ${name}`);
  return family.samples
    .filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((total, { value }) => total + value, 0);
}
