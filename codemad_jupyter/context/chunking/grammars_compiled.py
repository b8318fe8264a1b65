"""The grammars of C, C++, Java, Go and Rust."""

from codemad_jupyter.context.chunking.grammar import Grammar, pairs, words

C = Grammar(
    "tree_sitter_c",
    definitions={
        "function_definition": "function",
        "struct_specifier": "class",
        "union_specifier": "class",
        "enum_specifier": "class",
        "type_definition": "type",
        "preproc_def": "variable",
        "preproc_function_def": "macro",
    },
    names=words("identifier type_identifier field_identifier"),
    calls=pairs("call_expression=function"),
    members={"field_expression": ("argument", "field")},
    binds=pairs("parameter_declaration=declarator init_declarator=declarator declaration=declarator"),
    variables=words("init_declarator declaration"),
    imports=words("preproc_include"),
)
CPP = Grammar(
    "tree_sitter_cpp",
    definitions={
        **C.definitions,
        "class_specifier": "class",
        "namespace_definition": "module",
        "alias_declaration": "type",
        "concept_definition": "type",
    },
    names=words("identifier type_identifier field_identifier namespace_identifier"),
    calls=C.calls,
    members={"field_expression": ("argument", "field"), "qualified_identifier": ("scope", "name")},
    binds={
        **C.binds,
        "optional_parameter_declaration": "declarator",
        "field_declaration": "declarator",
        "for_range_loop": "declarator",
    },
    variables=words("init_declarator declaration field_declaration"),
    imports=words("preproc_include using_declaration"),
    separator="::",
)
JAVA = Grammar(
    "tree_sitter_java",
    definitions={
        "class_declaration": "class",
        "interface_declaration": "class",
        "enum_declaration": "class",
        "record_declaration": "class",
        "annotation_type_declaration": "class",
        "method_declaration": "method",
        "constructor_declaration": "method",
        "compact_constructor_declaration": "method",
    },
    names=words("identifier type_identifier"),
    calls=pairs("object_creation_expression=type"),
    members={
        "method_invocation": ("object", "name"),
        "field_access": ("object", "field"),
        "scoped_type_identifier": ("", ""),
    },
    binds=pairs(
        "formal_parameter=name spread_parameter= catch_formal_parameter=name variable_declarator=name "
        "enhanced_for_statement=name resource=name inferred_parameters= lambda_expression=parameters"
    ),
    variables=words("variable_declarator"),
    imports=words("import_declaration"),
    comments=words("line_comment block_comment"),
    prefixes=words("line_comment block_comment"),
)
GO = Grammar(
    "tree_sitter_go",
    definitions={
        "function_declaration": "function",
        "method_declaration": "method",
        "type_spec": "class",
        "type_alias": "type",
        "method_elem": "method",
    },
    names=words("identifier type_identifier"),
    calls=pairs("call_expression=function"),
    members={
        "selector_expression": ("operand", "field"),
        "qualified_type": ("package", "name"),
    },
    binds=pairs(
        "parameter_declaration=name variadic_parameter_declaration=name short_var_declaration=left "
        "range_clause=left const_spec=name var_spec=name"
    ),
    variables=words("const_spec var_spec"),
    imports=words("import_declaration"),
)
RUST = Grammar(
    "tree_sitter_rust",
    definitions={
        "function_item": "function",
        "function_signature_item": "function",
        "struct_item": "class",
        "enum_item": "class",
        "union_item": "class",
        "trait_item": "class",
        "type_item": "type",
        "mod_item": "module",
        "macro_definition": "macro",
        "const_item": "variable",
        "static_item": "variable",
    },
    names=words("identifier type_identifier shorthand_field_identifier"),
    calls=pairs("call_expression=function macro_invocation=macro"),
    members={
        "field_expression": ("value", "field"),
        "scoped_identifier": ("path", "name"),
        "scoped_type_identifier": ("path", "name"),
    },
    binds=pairs("parameter=pattern closure_parameters= let_declaration=pattern for_expression=pattern"),
    scopes=pairs("impl_item=type"),
    imports=words("use_declaration extern_crate_declaration"),
    comments=words("line_comment block_comment"),
    prefixes=words("line_comment block_comment attribute_item"),
    separator="::",
)
COMPILED: dict[str, Grammar] = {"c": C, "cpp": CPP, "java": JAVA, "go": GO, "rust": RUST}
