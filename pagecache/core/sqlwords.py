"""Words of SQL: routines that only compute, and keywords that may stand before a parenthesis.

A routine is listed for a vendor only if the database ships it (or Django registers it there): where a name is free,
a site may have given it to a function of its own that reads tables. A missing name costs a page, a wrong one a
stale page, so whatever reads tables by a name or a query in a string stays out (`query_to_xml`, `ts_stat`).
"""

STANDARD = frozenset(
    """
    abs acos ascii asin atan atan2 avg cast ceil ceiling coalesce concat concat_ws cos count cume_dist degrees
    dense_rank exp first_value floor lag last_value lead length ln log lower lpad ltrim max min mod nth_value
    ntile nullif percent_rank pi pow power radians rank replace reverse round row_number rpad rtrim sign sin
    sqrt substr substring sum tan trim upper
    """.split()
)

TYPES = frozenset(
    "bit char character date dec decimal float nchar numeric time timestamp varchar".split()
)

GIS = frozenset(
    """
    st_3ddistance st_3dlength st_3dperimeter st_addmeasure st_area st_asbinary st_asewkb st_asewkt
    st_asgeojson st_asgml st_ashexewkb st_askml st_asmvt st_asmvtgeom st_assvg st_astext st_astwkb st_aswkb
    st_aswkt st_azimuth st_boundary st_buffer st_buildarea st_centroid st_clip st_closestpoint
    st_clusterdbscan st_clusterkmeans st_collect st_collectionextract st_concavehull st_contains
    st_containsproperly st_convexhull st_coorddim st_coveredby st_covers st_crosses st_curvetoline
    st_dfullywithin st_difference st_dimension st_disjoint st_distance st_distance_sphere st_distancesphere
    st_distancespheroid st_dump st_dumppoints st_dumprings st_dwithin st_endpoint st_envelope st_equals
    st_expand st_extent st_exteriorring st_flipcoordinates st_force2d st_force3d st_force3dz st_force4d
    st_force_2d st_force_3d st_forcepolygonccw st_forcepolygoncw st_forcerhr st_frechetdistance
    st_generatepoints st_geogfromtext st_geogfromwkb st_geohash st_geomcollfromtext st_geometryfromtext
    st_geometryn st_geometrytype st_geomfromewkb st_geomfromewkt st_geomfromgeohash st_geomfromgeojson
    st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects
    st_isclosed st_isempty st_isring st_issimple st_isvalid st_isvaliddetail st_isvalidreason
    st_latfromgeohash st_latitude st_length st_length2d st_length_spheroid st_lengthspheroid
    st_linecrossingdirection st_linefromtext st_lineinterpolatepoint st_linelocatepoint st_linemerge
    st_linestringfromtext st_linesubstring st_locatealong st_locatebetween st_longfromgeohash st_longitude
    st_m st_makeenvelope st_makeline st_makepoint st_makepolygon st_makevalid st_maxdistance st_memsize
    st_memunion st_minimumboundingcircle st_minimumboundingradius st_multi st_ndims st_normalize st_npoints
    st_nrings st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints st_offsetcurve
    st_orderingequals st_overlaps st_perimeter st_perimeter2d st_point st_point_inside_circle
    st_pointfromgeohash st_pointfromtext st_pointn st_pointonsurface st_points st_polygon st_polygonfromtext
    st_polygonize st_project st_reduceprecision st_relate st_removepoint st_removerepeatedpoints st_reverse
    st_rotate st_scale st_segmentize st_setpoint st_setsrid st_shortestline st_simplify
    st_simplifypreservetopology st_snap st_snaptogrid st_split st_srid st_startpoint st_subdivide st_summary
    st_swapxy st_symdifference st_tileenvelope st_touches st_transform st_translate st_transscale
    st_unaryunion st_union st_validate st_voronoipolygons st_within st_x st_xmax st_xmin st_y st_ymax st_ymin
    st_z
    """.split()
)

POSTGRESQL = frozenset(
    """
    abbrev acosd acosh age akeys any any_value array array_agg array_append array_cat array_dims array_fill
    array_length array_lower array_ndims array_position array_positions array_prepend array_remove
    array_replace array_sample array_shuffle array_to_json array_to_string array_to_tsvector array_upper asind
    asinh atan2d atand atanh avals bit_and bit_count bit_length bit_or bit_xor bool_and bool_or box box2d
    box3d bpchar btrim cardinality cbrt center char_length character_length chr circle clock_timestamp
    convert_from convert_to corr cosd cosh cosine_distance cot cotd covar_pop covar_samp crc32 crypt
    current_database current_schema current_user daitch_mokotoff date_add date_bin date_part
    date_subtract date_trunc datemultirange daterange decode digest div dmetaphone encode enum_first enum_last
    enum_range erf every extract factorial family format format_type gcd gen_random_bytes gen_random_uuid
    gen_salt generate_series generate_subscripts geography geometry get_bit get_byte get_current_ts_config
    greatest grouping height hmac host hostmask hstore hstore_to_json hstore_to_jsonb inet inet_client_addr
    inet_merge inet_same_family initcap inner_product int2 int4 int4multirange int4range int8 int8multirange
    int8range interval isclosed isempty isfinite isopen json json_agg json_array json_array_elements
    json_array_elements_text json_array_length json_arrayagg json_build_array json_build_object json_each
    json_each_text json_exists json_extract_path json_extract_path_text json_object json_object_agg
    json_object_keys json_objectagg json_populate_record json_populate_recordset json_query json_scalar
    json_serialize json_strip_nulls json_table json_to_record json_to_recordset json_to_tsvector json_typeof
    json_value jsonb jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
    jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
    jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record
    jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
    jsonb_to_recordset jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval l2_distance
    lcm least left levenshtein levenshtein_less_equal line localtime localtimestamp log10 lower_inc
    lower_inf lseg make_date make_interval make_time make_timestamp make_timestamptz masklen md5 merge_action metaphone
    min_scale mode multirange netmask network normalize now npoints num_nonnulls num_nulls
    nummultirange numnode numrange octet_length offset overlay parse_ident path percentile_cont
    percentile_disc pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all
    pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backend_pid
    pg_client_encoding pg_collation_for pg_column_size pg_get_serial_sequence pg_is_in_recovery pg_notify
    pg_size_pretty pg_sleep pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
    pg_try_advisory_xact_lock_shared pg_typeof phraseto_tsquery plainto_tsquery point polygon position
    postgis_version querytree quote_ident quote_literal quote_nullable radius random range_agg
    range_intersect_agg range_merge regexp_count regexp_instr regexp_like regexp_match regexp_matches
    regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat returning right row row_to_json scale
    session_user set_bit set_byte set_masklen setseed setweight sha224 sha256 sha384 sha512 show_trgm
    similarity sind sinh skeys slope some soundex split_part starts_with statement_timestamp stddev
    stddev_pop stddev_samp strict_word_similarity string_agg string_to_array string_to_table strip strpos
    svals tand tanh text timeofday timestamptz timetz to_ascii to_char to_date to_hex to_json to_jsonb
    to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate treat trim_array trim_scale
    trunc ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsmultirange tsquery_phrase tsrange
    tstzmultirange tstzrange tsvector_to_array txid_current unaccent unistr unnest upper_inc upper_inf
    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuidv4 uuidv7
    var_pop var_samp varbit variance vector version websearch_to_tsquery width width_bucket word_similarity
    xmlagg xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot xmlserialize xpath
    xpath_exists
    """.split()
)

SQLITE = frozenset(
    """
    acosh any_value asewkt asgeojson asgml asinh askml assvg astext aswkb aswkt atanh bdmpolyfromtext bigint
    bitxor bm25 buildmbr changes char collect contains cosh cot crosses date datetime disjoint distance
    django_date_extract django_date_trunc django_datetime_cast_date django_datetime_cast_time
    django_datetime_extract django_datetime_trunc django_format_dtdelta django_time_diff django_time_extract
    django_time_trunc django_timestamp_diff equals extent format generate_series geometrytype geomfromewkt
    geomfromtext geomfromwkb glength glob group_concat hex highlight if ifnull iif instr integer intersects
    isvalid json json_array json_array_length json_each json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace
    json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array
    jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree
    julianday last_insert_rowid like likelihood likely log10 log2 makepoint match matchinfo mbrcontains
    mbrintersects mbrwithin md5 median numgeometries numpoints nvarchar octet_length overlaps percentile
    percentile_cont percentile_disc pragma_foreign_key_list pragma_index_info pragma_index_list
    pragma_table_info pragma_table_xinfo printf quote raise rand random randomblob real regexp relate repeat
    row setsrid sha1 sha224 sha256 sha384 sha512 sinh smallint snippet soundex spatialite_version
    sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version srid stddev_pop
    stddev_samp strftime string_agg subtype tanh time timediff total total_changes touches transform trunc
    typeof unhex unicode unistr unistr_quote unixepoch unlikely var_pop var_samp varying within x y zeroblob
    """.split()
)

MYSQL = frozenset(
    """
    adddate addtime aes_decrypt aes_encrypt any any_value benchmark bigint bin bin_to_uuid binary bit_and
    bit_count bit_length bit_or bit_xor char_length character_length charset chr coercibility collation
    compress connection_id conv convert convert_tz cot crc32 curdate current_date current_role current_time
    current_timestamp current_user curtime database date_add date_format date_sub datediff datetime day
    dayname dayofmonth dayofweek dayofyear decode default des_decrypt des_encrypt div elt encode encrypt
    export_set extract extractvalue field find_in_set format format_bytes format_pico_time found_rows
    from_base64 from_days from_unixtime geometrycollection get_format get_lock greatest group_concat grouping
    hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr int integer interval
    is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock is_uuid isnull json_array
    json_array_append json_array_insert json_arrayagg json_compact json_contains json_contains_path json_depth
    json_detailed json_equals json_exists json_extract json_insert json_key_value json_keys json_length
    json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object
    json_object_filter_keys json_object_to_array json_objectagg json_overlaps json_pretty json_query
    json_quote json_remove json_replace json_schema_valid json_search json_set json_storage_free
    json_storage_size json_table json_type json_unquote json_valid json_value last_day
    lcase least left linestring localtime localtimestamp locate log10 log2 make_set makedate maketime
    master_pos_wait match mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects
    mbroverlaps mbrtouches mbrwithin md5 median mediumint microsecond mid minute month monthname
    multilinestring multipoint multipolygon name_const natural_sort_key now nvl nvl2 oct octet_length
    old_password ord password percentile_cont percentile_disc period_add period_diff point polygon position
    quarter quote rand random_bytes regexp regexp_instr regexp_like regexp_replace regexp_substr
    release_all_locks release_lock repeat right rlike row row_count schema sec_to_time second session_user
    sformat sha sha1 sha2 sleep smallint some soundex space srid std stddev stddev_pop stddev_samp
    str_to_date strcmp subdate substring_index subtime sys_guid sysdate system_user time_format time_to_sec
    timediff timestampadd timestampdiff tinyint to_base64 to_char to_days to_seconds truncate ucase uncompress
    uncompressed_length unhex unix_timestamp updatexml user utc_date utc_time utc_timestamp uuid uuid_short
    uuid_to_bin uuid_v4 uuid_v7 value values var_pop var_samp varbinary variance vec_distance vec_distance_cosine
    vec_distance_euclidean vec_fromtext vec_totext version week weekday weekofyear weight_string
    wsrep_sync_wait xor year yearweek
    """.split()
)

ORACLE = frozenset(
    """
    add_months any any_value approx_count_distinct asciistr bin_to_num bitand cardinality chartorowid chr
    collect compose convert corr cosh covar_pop covar_samp current_date current_timestamp dbtimezone decode
    decompose dump empty_blob empty_clob existsnode extract extractvalue from_tz greatest grouping grouping_id
    hextoraw initcap instr instrb interval json_array json_arrayagg json_exists json_mergepatch json_object
    json_objectagg json_query json_serialize json_table json_transform json_value last_day least lengthb
    listagg lnnvl localtimestamp median minus months_between nanvl new_time next_day nls_initcap nls_lower
    nls_upper nlssort number numtodsinterval numtoyminterval nvarchar2 nvl nvl2 ora_hash percentile_cont
    percentile_disc ratio_to_report raw rawtohex regexp_count regexp_instr regexp_like regexp_replace
    regexp_substr remainder rowidtochar rownum sdo_geometry sdo_point_type sessiontimezone sinh some soundex
    standard_hash stddev stddev_pop stddev_samp substrb sys_context sys_extract_utc sys_guid sysdate
    systimestamp tanh to_binary_double to_binary_float to_blob to_char to_clob to_date to_dsinterval to_lob
    to_multi_byte to_nchar to_nclob to_number to_single_byte to_timestamp to_timestamp_tz to_yminterval
    translate treat trunc tz_offset uid user userenv validate_conversion var_pop var_samp varchar2 variance
    vsize width_bucket xmlagg xmlelement xmlforest
    """.split()
)

ROUTINES = {
    "sqlite": STANDARD | TYPES | GIS | SQLITE,
    "postgresql": STANDARD | TYPES | GIS | POSTGRESQL,
    "mysql": STANDARD | TYPES | GIS | MYSQL,
    "oracle": STANDARD | TYPES | ORACLE,
}

# Routines that take the next number of a sequence, or tell what this connection took: no two pages are alike.
SEQUENCE_ROUTINES = frozenset("currval last_insert_id lastval nextval setval".split())
SEQUENCES = "sequences"  # stands for all of them, as a table

# Whose value is the time or chance: routines, those of SQLite that mean now without arguments, words and strings.
VOLATILE_ROUTINES = frozenset(
    """
    clock_timestamp curdate current_date current_time current_timestamp curtime gen_random_bytes gen_random_uuid
    localtime localtimestamp now rand random random_bytes random_normal randomblob statement_timestamp sys_guid
    sysdate timeofday transaction_timestamp unix_timestamp utc_date utc_time utc_timestamp uuid
    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuid_short uuid_v4 uuid_v7 uuidv4 uuidv7
    """.split()
)
CLOCKS = frozenset("date datetime julianday strftime time unixepoch".split())
VOLATILE_WORDS = frozenset(
    """
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP SYSDATE SYSTIMESTAMP TABLESAMPLE UTC_DATE
    UTC_TIME UTC_TIMESTAMP
    """.split()
)
VOLATILE_STRINGS = frozenset({"'now'", "'today'", "'tomorrow'", "'yesterday'"})

# Where a database tells of itself: nothing announces what changes there.
CATALOG = "information_schema"
CATALOGS = frozenset("information_schema mysql performance_schema pg_catalog sys".split())

# Routines whose arguments may hold the word FROM: `EXTRACT(YEAR FROM d)`.
FROM_INSIDE = frozenset({"EXTRACT", "OVERLAY", "SUBSTR", "SUBSTRING", "TRIM"})

# Reserved words that no routine can have for a name, so that the parenthesis after them belongs to the language.
KEYWORDS = frozenset(
    """
    ALL AND AS BETWEEN CASE CHECK DEFAULT DISTINCT ELSE EXCEPT EXISTS FROM HAVING IN INTERSECT LIKE LIMIT NOT
    ON OR REFERENCES TABLE THEN TO UNION UNIQUE USING VALUES WHEN WHERE WITH
    """.split()
)

# Words that belong to the language only after these: `count(*) FILTER (...)`, `GROUP BY (...)`.
KEYWORDS_AFTER = {
    "AGAINST": {"()"},
    "BY": {"GROUP", "ORDER", "PARTITION", "SIBLINGS"},
    "COLUMNS": {"string"},
    "CONFLICT": {"ON"},
    "CUBE": {"BY"},
    "FILTER": {"()"},
    "GROUP": {"WITHIN"},
    "INSERT": {"THEN"},
    "LINES": {"number"},
    "KEY": {"FOREIGN", "PRIMARY", "UNIQUE"},
    "OVER": {"()", "NULLS"},
    "OVERLAPS": {"()"},
    "ROLLUP": {"BY"},
    "SET": {"UPDATE"},
    "SETS": {"GROUPING"},
    "VARYING": {"BIT", "CHAR", "CHARACTER"},
}

# Settings and questions of SQLite that neither read nor write rows.
PRAGMAS = frozenset(
    """
    analysis_limit application_id auto_vacuum automatic_index busy_timeout cache_size cache_spill case_sensitive_like
    collation_list compile_options database_list defer_foreign_keys encoding foreign_key_list foreign_keys
    freelist_count function_list ignore_check_constraints index_info index_list index_xinfo
    journal_mode journal_size_limit legacy_alter_table locking_mode max_page_count mmap_size module_list optimize
    page_count page_size pragma_list query_only read_uncommitted recursive_triggers reverse_unordered_selects
    secure_delete soft_heap_limit synchronous table_info table_list table_xinfo temp_store threads
    wal_autocheckpoint wal_checkpoint
    """.split()
)
