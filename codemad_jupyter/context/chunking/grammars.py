"""The grammars in use, by language. C and its kin are in `grammars_compiled`."""

from codemad_jupyter.context.chunking.grammar import Grammar, pairs, words
from codemad_jupyter.context.chunking.grammars_compiled import COMPILED

PYTHON = Grammar(
    "tree_sitter_python",
    definitions={"function_definition": "function", "class_definition": "class"},
    names=words("identifier"),
    calls=pairs("call=function"),
    members={"attribute": ("object", "attribute")},
    binds=pairs(
        "parameters= lambda_parameters= default_parameter=name typed_default_parameter=name typed_parameter= "
        "list_splat_pattern= dictionary_splat_pattern= assignment=left for_statement=left "
        "for_in_clause=left as_pattern=alias named_expression=name"
    ),
    variables=words("assignment"),
    labels=pairs("keyword_argument=name"),
    imports=words("import_statement import_from_statement"),
    docs=words("string"),
)
JULIA = Grammar(
    "tree_sitter_julia",
    definitions={
        "function_definition": "function",
        "macro_definition": "macro",
        "struct_definition": "class",
        "abstract_definition": "type",
        "primitive_definition": "type",
        "module_definition": "module",
    },
    names=words("identifier"),
    calls=pairs("call_expression= broadcast_call_expression= macrocall_expression="),
    members={"field_expression": ("value", "")},
    binds=pairs("named_argument= assignment= for_binding="),
    variables=words("assignment"),
    imports=words("using_statement import_statement"),
    comments=words("line_comment block_comment"),
    prefixes=words("line_comment block_comment string_literal"),
    docs=words("string_literal"),
)
BASH = Grammar(
    "tree_sitter_bash",
    definitions={"function_definition": "function"},
    names=words("command_name variable_name"),
    calls=pairs("command=name"),
    binds=pairs("variable_assignment=name for_statement=variable"),
    variables=words("variable_assignment"),
)
JAVASCRIPT = Grammar(
    "tree_sitter_javascript",
    definitions={
        "function_declaration": "function",
        "generator_function_declaration": "function",
        "class_declaration": "class",
        "abstract_class_declaration": "class",
        "method_definition": "method",
        "abstract_method_signature": "method",
        "interface_declaration": "type",
        "type_alias_declaration": "type",
        "enum_declaration": "class",
        "internal_module": "module",
    },
    names=words("identifier type_identifier shorthand_property_identifier"),
    calls=pairs("call_expression=function new_expression=constructor"),
    members={
        "member_expression": ("object", "property"),
        "nested_type_identifier": ("module", "name"),
    },
    binds=pairs(
        "formal_parameters= required_parameter=pattern optional_parameter=pattern rest_pattern= "
        "assignment_pattern=left variable_declarator=name for_in_statement=left catch_clause=parameter "
        "arrow_function=parameter public_field_definition=name field_definition=property"
    ),
    variables=words("variable_declarator public_field_definition field_definition"),
    imports=words("import_statement"),
    prefixes=words("comment decorator"),
)
TYPESCRIPT = Grammar(
    **{**JAVASCRIPT.__dict__, "package": "tree_sitter_typescript", "entry": "language_typescript"}
)
TSX = Grammar(**{**JAVASCRIPT.__dict__, "package": "tree_sitter_typescript", "entry": "language_tsx"})

GRAMMARS: dict[str, Grammar] = {
    "python": PYTHON,
    "julia": JULIA,
    "shell": BASH,
    "javascript": JAVASCRIPT,
    "typescript": TYPESCRIPT,
    "tsx": TSX,
    **COMPILED,
}
