"""What the built-in assistant can do, in one table: recognition, help and documentation all come from it.

A pattern has a weight; the intent with the heaviest match wins, and the earlier one of equals.
Patterns have bounded gaps only, so that no wording can make them slow.
"""

# ruff: noqa: E501 - a table reads better with one entry on one line

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Intent:
    """One ability. ``patterns`` are (weight, regular expression) over the words in lower case."""

    name: str
    title: str
    says: str
    example: str
    patterns: tuple[tuple[int, str], ...]


_AGG = r"(?:average|averages|mean|means|median|sum|total|totals|minimum|maximum|min|max|avg|std|standard deviation|count)"
_MISS = r"(?:missing|nulls?|nans?|na values?|empty (?:cells|values|fields)|incomplete|gaps)"

INTENTS: tuple[Intent, ...] = (
    Intent(
        "fix",
        "Mend the last error",
        "explains NameError, KeyError, AttributeError, missing modules and files and syntax errors, and "
        "proposes the mended cell",
        "fix the last error",
        (
            (9, r"\b(?:fix|debug|repair|solve|mend|correct|resolve)\b.{0,40}\b(?:error|bug|exception|traceback|cell|code|problem|issue|crash|mistake|it|this|that)\b"),
            (9, r"\b(?:why|what|explain)\b.{0,40}\b(?:error|exception|traceback|fail\w*|crash\w*|wrong|broken|break\w*)\b"),
            (9, r"\b(?:why|what)\b.{0,30}\b(?:not work\w*|n[o']?t work\w*|stopped working)\b"),
            (7, r"\b(?:(?:does|is)(?: not|n'?t)|not) (?:work|run|compile|running|working)\b"),
            (7, r"\btraceback\b|\b(?:name|key|attribute|syntax|modulenotfound|filenotfound|import|type|value|index|indentation|zerodivision)error\b"),
            (7, r"^\W{0,3}(?:please )?(?:/?fix|debug)\W{0,3}$"),
            (4, r"\b(?:the|this|that|my|an|last) (?:last )?(?:error|exception)\b"),
        ),
    ),
    Intent(
        "docstring",
        "Write a docstring",
        "from a function's signature, in Google or numpy style, in a cell or a file",
        "write a docstring for load_data",
        (
            (10, r"\bdoc ?-?strings?\b"),
            (8, r"\bdocument(?:ation for)? (?:the |this |my )?(?:functions?\b|methods?\b|`?\w{1,60}\()"),
            (8, r"\bdocument (?:the |my )?`?[a-z]{1,30}_\w{1,40}"),
        ),
    ),
    Intent(
        "tests",
        "Write first tests",
        "a pytest skeleton for a function of the notebook or the workspace",
        "write tests for load_data",
        (
            (10, r"\b(?:py|unit ?)tests?\b"),
            (9, r"\b(?:write|add|create|make|generate|give|need|want|draft)\b.{0,25}\btests?\b"),
            (8, r"\btest (?:skeleton|cases?)\b|\btests? (?:the |this |my )?function\b|\btests for\b"),
        ),
    ),
    Intent(
        "explain",
        "Explain a cell",
        "what a cell reads, sets, calls and imports, step by step, from its syntax",
        "explain cell 3",
        (
            (8, r"\b(?:explain|describe|summari[sz]e|understand|walk me through|go through)\b.{0,25}\b(?:cells?|code|snippet|script|lines?|function|block)\b"),
            (8, r"\bwhat (?:does|do|is|are)\b.{0,25}\b(?:cell|code|snippet|function|block)\b.{0,25}\b(?:do|doing|about|for|mean)?\b"),
            (7, r"\bhow does (?:this|that|the) (?:cell|code|function|snippet)\b"),
            (7, r"```"),
            (5, r"\bexplain (?:this|that|it)\b|\bwhat does (?:this|that|it) do\b|\bwalk me through\b"),
            (2, r"\bexplain\b"),
        ),
    ),
    Intent(
        "model",
        "Train a baseline model",
        "classification or regression with scikit-learn on a chosen target, scored against a dummy",
        "predict diagnosis",
        (
            (7, r"\b(?:predict(?:ing|ion|ive)?|classify|classifiers?|classification|regress|regressors?|regression|machine learning|scikit|sklearn|forecast)\b"),
            (7, r"\b(?:train|fit|build|make|create|run|try|need|want|give me)\b.{0,20}\b(?:models?|baseline|classifier|regressor|random forest|tree|forest|network)\b"),
            (7, r"\b(?:baseline|ml) (?:model )?(?:for|on|of)\b|\bmodel (?:for|of|on|the)\b|\bbaseline model\b"),
        ),
    ),
    Intent(
        "correlation",
        "Correlate",
        "correlations of the numeric columns with a heat map, or of one column with the others",
        "show the correlations",
        ((7, r"\b(?:inter)?correlat\w{0,6}\b|\bheat ?-?maps?\b|\bcollinear\w{0,6}\b|\bpearson\b|\bspearman\b"),),
    ),
    Intent(
        "missing",
        "Missing values",
        "counts them; drops or fills them into a new table",
        "are there missing values?",
        (
            (7, rf"\b{_MISS}\b"),
            (9, rf"\b(?:rows?|records?|columns?) (?:with|that have|having|containing) (?:any |some )?{_MISS}"),
            (5, r"\bfill\b.{1,60}\b(?:with|by|using)\b"),
            (7, r"\b(?:isna|isnull|fill ?na|drop ?na|impute\w?|imputing|imputation)\b"),
            (6, r"\bcompleteness\b|\bhow complete\b"),
        ),
    ),
    Intent(
        "duplicates",
        "Duplicates",
        "finds or removes rows that occur more than once",
        "find duplicate rows",
        (
            (8, r"\bduplicat\w{0,6}\b|\bde-?dup\w{0,12}\b|\bdupes?\b"),
            (7, r"\b(?:repeated|identical|unique|distinct) (?:rows|records|entries|lines)\b|\bmore than once\b|\boccur twice\b"),
        ),
    ),
    Intent(
        "pivot",
        "Pivot",
        "lays out one column by two others, or counts rows in a cross table",
        "pivot the sum of sales by region and month",
        ((8, r"\bpivot\w{0,5}\b|\bcross ?-?tab\w{0,8}\b|\bcontingency\b|\bwide format\b"),),
    ),
    Intent(
        "merge",
        "Merge two tables",
        "on the column they share, or the one you name",
        "merge orders and customers on customer_id",
        (
            (7, r"\b(?:merge|merging|join|joining)\b"),
            (6, r"\b(?:combine|look ?up|match up|bring together|link)\b.{1,60}\b(?:and|with|to|from)\b"),
        ),
    ),
    Intent(
        "plot",
        "Plot columns",
        "histograms, bars, box plots, scatter plots and lines, chosen by the columns' types",
        "plot mean radius by diagnosis",
        (
            (6, r"\b(?:plot|chart|graph|draw|visuali[sz]e|histogram|scatter|box ?plot|bar ?(?:plot|chart|graph)|line ?(?:plot|chart|graph)|pie ?chart|violin)\w{0,3}\b"),
            (5, r"\b(?:visuali[sz]ations?|diagrams?|hist|pie|figure)\b"),
            (5, r"\bdistributions?\b|\brelationship (?:between|of)\b|\btrend\b|\bover time\b|\b(?:vs|versus|against)\b"),
            (6, r"\bhow (?:does|do)\b.{1,60}\b(?:vary|varies|differ|change|depend|evolve|develop|relate)\w{0,2}\b"),
            (6, r"\bcompare\b.{1,60}\b(?:by|across|between|per|for)\b"),
        ),
    ),
    Intent(
        "filter",
        "Filter rows",
        "into a new table, by comparisons joined with and or or",
        "keep only the rows where age > 30",
        (
            (10, r"\b(?:rows?|records?|only|those)\b.{0,12}\b(?:where|whose)\b.{1,60}\b(?:is|are) (?:not )?(?:missing|null|nan|empty)\b"),
            (6, r"\b(?:rows?|records?|entries|observations|samples|lines|data|cases)\b.{0,12}\b(?:where|whose|with|that (?:are|have)|in which|having|when|if)\b"),
            (6, r"\b(?:keep|show|select|take|want|get|give)\b.{0,12}\bonly\b|\bonly (?:keep|show|take|the rows|those|rows)\b"),
            (6, r"\b(?:filter|subset|exclude)\w{0,3}\b|\b(?:drop|remove|delete|discard)\b.{0,20}\b(?:rows?|records?|where|all|everything)\b"),
            (5, r"\bwhere\b.{1,60}(?:[<>=≥≤]|\b(?:greater|more|less|larger|smaller|above|below|over|under|between|contains?|starts|equals?|at least|at most)\b)"),
        ),
    ),
    Intent(
        "counts",
        "Count values",
        "how often each value of a column occurs",
        "value counts of species",
        (
            (6, r"\bvalue[ _]?counts?\b|\bfrequenc(?:y|ies)\b|\btally\b|\bbreak ?down of\b|\bhow often\b"),
            (6, r"\bhow many\b.{1,40}\b(?:each|per|every|by|in each)\b|\b(?:unique|distinct|different) (?:values|categories|levels|\w{1,30})\b"),
            (6, r"\bhow many (?:different|distinct|unique)\b|\bcount (?:the )?(?:values|unique|distinct|each|categories|occurrences)\b"),
            (3, r"\bcounts? (?:of|for|the)\b"),
        ),
    ),
    Intent(
        "aggregate",
        "Group and aggregate",
        "mean, median, sum, smallest, largest or count by one or more columns, or by month and year",
        "average area by species",
        (
            (5, r"\bgroup(?:ed|ing|s)?[ -]?by\b|\bgroup\b.{1,60}\b(?:by|on|per)\b|\baggregat\w{1,5}\b"),
            (5, rf"\b{_AGG}\b.{{1,80}}\b(?:by|per|for each|for every|in each|across|each)\b"),
            (5, rf"\b(?:by|per|for each|for every)\b.{{1,60}}\b{_AGG}\b"),
            (4, rf"\b(?:what(?:'s| is| are)|compute|calculate|show|give|get|find|tell)\b.{{0,20}}\b{_AGG}\b"),
            (2, rf"\b{_AGG}\b.{{0,10}}\bof\b"),
            (1, r"^.{1,80}\b(?:by|per)\b.{1,80}$"),
        ),
    ),
    Intent(
        "sort",
        "Sort, top and bottom",
        "the rows in order of a column, or the largest or smallest few",
        "top 5 rows by price",
        (
            (5, r"\bsort\w{0,3}\b|\border(?:ed)? by\b|\border\b.{1,40}\bby\b|\brank\w{0,3}\b|\b(?:a|de)scending\b"),
            (5, r"\b(?:top|bottom|first|last) (?:\d{1,6}|three|five|ten|twenty)\b|\b(?:\d{1,6}|three|five|ten|twenty) (?:largest|smallest|highest|lowest|biggest|greatest)\b"),
            (5, r"\b(?:head|tail) of\b|^\W{0,3}(?:show|display|print|view)(?: me)? (?:the |my )?(?:data|table|dataset|(?:data ?)?frame|\w{0,20}df\w{0,20})\W{0,3}$"),
            (3, r"\b(?:largest|biggest|highest|lowest|smallest|greatest|most expensive|cheapest)\b"),
        ),
    ),
    Intent(
        "variables",
        "List what you have",
        "variables of the kernel with type, size and columns",
        "what do I have?",
        (
            (7, r"\b(?:what|which)\b.{0,12}\b(?:variables?|data ?frames?|objects?|tables?|data|datasets?)\b.{0,20}\b(?:have|there|defined|loaded|available|exists?|memory|got|kernel|session)\b"),
            (6, r"\b(?:list|show|print|display|see|name)\b.{0,20}\b(?:variables|data ?frames|namespace|objects|datasets|tables)\b"),
            (7, r"\bwhat (?:do|have) (?:i|we)(?: got| have| loaded| defined)?\b\W{0,3}(?:here|now|so far|in (?:memory|here|the kernel))?\W{0,3}$"),
            (7, r"\bwhat(?:'s| is| are)\b.{0,20}\b(?:in (?:memory|the kernel|my kernel|this kernel|the session|my session|the namespace|my workspace)|loaded|defined)\b"),
            (5, r"^\W{0,3}(?:%?who[s]?|variables|my variables|list variables)\W{0,3}$|\bhow many (?:variables|data ?frames)\b"),
        ),
    ),
    Intent(
        "profile",
        "Describe a table",
        "rows, columns by type, missing values, and a cell with the statistics",
        "describe df",
        (
            (3, r"\b(?:describe|summari[sz]e|summari[sz]ing|profile|profiling|summary|overview|explore|exploratory|eda|inspect)\b"),
            (3, r"\btell me (?:about|more about|something about)\b|\bget to know\b|\bwhat does\b.{1,40}\blook like\b|\bstatistics\b|\bstats\b"),
            (3, r"\b(?:shape|size|columns|dtypes?|types|schema|structure|info) (?:of|in|on|about|does)\b|\bhow (?:big|large|long)\b|\bhow many (?:rows|columns)\b"),
            (2, r"\bwhat(?:'s| is) (?:in|inside|this)\b|\bwhich columns\b|\bwhat columns\b|\blook at\b|\bunderstand\b"),
            (3, r"\bexplain (?:the |my )?(?:data|table|dataset|df)\b"),
        ),
    ),
    Intent(
        "search",
        "Search the workspace",
        "where a name or a phrase stands in files and notebooks",
        "where is load_data defined?",
        (
            (4, r"\bwhere(?:'s| is| are| do| does| did| can i find| have| in)\b|\bwhich (?:files?|cells?|notebooks?|script)\b"),
            (4, r"\b(?:search|grep|locate|look)\b.{0,8}\b(?:for|up|in)?\b.{1,80}\b(?:workspace|project|files?|folder|repo\w{0,6}|code ?base|notebooks?|director(?:y|ies))\b"),
            (4, r"\bfind\b.{1,80}\b(?:workspace|project|files?|folder|repo\w{0,6}|code ?base|notebooks?|director(?:y|ies))\b"),
            (4, r"\b(?:search|grep|locate|search for|usages? of|who calls|references? to)\b"),
        ),
    ),
    Intent(
        "help",
        "Say what I can do",
        "this list",
        "help",
        (
            (8, r"^\W{0,3}(?:help|hi|hello|hey|good (?:morning|evening|afternoon)|\?|start|/help|thanks?|thank you)\b(?: me| there| please)?\W{0,5}$"),
            (8, r"^\W{0,3}\?\W{0,3}$"),
            (9, r"\bwhat can (?:you|i|this)\b|\bwhat (?:are|is) (?:you|your)\b|\bwhat do you (?:do|know|support|understand)\b|\bwho are you\b"),
            (9, r"\bhow (?:can|do) (?:i use you|you help|you work|i use this)\b|\b(?:your|list the|list of) (?:abilities|capabilities|commands|skills|features)\b"),
            (8, r"\bhow (?:do|can|to) .{0,10}\bconnect\b.{0,20}\bmodels?\b|\bapi key\b"),
        ),
    ),
)  # fmt: skip

_OUTSIDE = re.compile(
    r"\b(?:write|compose|tell|sing|make|create)\b.{0,20}\b(?:poem|haiku|joke|essay|story|song|limerick|novel|letter)\b"
    r"|^\W{0,3}(?:please )?translate\b|\bweather\b.{0,20}\b(?:today|tomorrow|like|in)\b"
)
_COMPILED = tuple((intent, tuple((w, re.compile(p)) for w, p in intent.patterns)) for intent in INTENTS)


def recognise(words: str) -> Intent | None:
    """The intent of the words (bounded by the caller), or None."""
    text = " ".join(words.casefold().replace("’", "'").split())  # noqa: RUF001
    if not text or _OUTSIDE.search(text):
        return None
    best: tuple[int, Intent | None] = (0, None)
    for intent, patterns in _COMPILED:
        weight = max((w for w, pattern in patterns if w > best[0] and pattern.search(text)), default=0)
        if weight > best[0]:
            best = (weight, intent)
    return best[1]


def abilities() -> str:
    """The table as a Markdown list, for help and for the documentation."""
    return "\n".join(f"- **{i.title}**: {i.says}. “{i.example}”" for i in INTENTS)
