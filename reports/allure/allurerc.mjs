// How the Allure 3 command-line tool renders a run, and what its quality gate asks for. Results and output are given on
// the command line. Not YAML: a gate's `filter` is a function.

// Allure's quality gate calls what Node.js has from 22 on; all else of it runs on 20.
const iterators = Object.getPrototypeOf(Object.getPrototypeOf(new Map().values()));
iterators.toArray ??= function toArray() {
  return [...this];
};

// The results of earlier runs, where the caller keeps them.
const history = process.env.CONFORMANCE_ALLURE_HISTORY;

export default {
  name: "Prefect REST API conformance",
  // Of the machine that the checks ran on, and of no use to who reads what they found.
  hideLabels: ["host", "thread", "framework", "language"],
  // Each run is a line of some megabytes there, and all of them are on the page.
  ...(history ? { historyPath: history, historyLimit: 5 } : {}),
  plugins: {
    awesome: {
      options: {
        reportName: "Prefect REST API conformance",
        // One file that opens from a folder, a CI artifact or an e-mail, without a web server.
        singleFile: true,
        reportLanguage: "en",
        // Chapter, then requirement: as the catalogue has them, and not as the suite's modules do.
        groupBy: ["feature", "story"],
        // The order in which checks happened to run says nothing.
        defaultSortBy: "name,asc",
      },
    },
  },
  // The first that matches counts. A waived failure is one that Allure calls accepted (`known` in its result): it is none
  // of those that the report counts as failed, and stands under its resolutions.
  categories: {
    rules: [
      { name: "Known (waived)", matchers: { statuses: ["failed"], message: "^waived: " } },
      { name: "Could not run", matchers: { statuses: ["broken"] } },
      {
        name: "New failures",
        matchers: { statuses: ["failed"], transitions: ["new", "regressed"] },
        groupBy: ["severity"],
      },
      { name: "Other failures", matchers: { statuses: ["failed"] }, groupBy: ["severity"] },
      { name: "Fixed", matchers: { statuses: ["passed"], transitions: ["fixed"] }, groupByMessage: false },
      { name: "Not applicable", matchers: { statuses: ["skipped"] } },
    ],
  },
  // Passes where the run ended with 0: no failure that no waiver accepts, no MUST (critical) that could not run, no error of
  // the run itself, which is a result of its own.
  qualityGate: {
    rules: [
      {
        maxFailures: 0,
        filter: (result) =>
          result.status === "failed" ||
          result.labels.some((label) => label.name === "severity" && label.value === "critical"),
      },
    ],
  },
};
