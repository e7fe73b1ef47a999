-- A small Directus project: two people, three policies, the collections of a shop with a magazine.
SET client_encoding = 'UTF8';
SET ROLE directus;

INSERT INTO public.directus_migrations (version, name, "timestamp") VALUES
    ('20201028A', 'Remove Collection Foreign Keys', '2025-03-03 08:00:01+00'),
    ('20240806A', 'Permissions Policies', '2025-03-03 08:00:02+00'),
    ('20240909A', 'Separate Comments', '2025-03-03 08:00:03+00'),
    ('20250224A', 'Visual Editor', '2025-03-03 08:00:04+00');

INSERT INTO public.directus_roles (id, name, icon, description, parent) VALUES
    ('5a1e0001-0000-4000-8000-000000000001', 'Administrator', 'verified', 'Runs the project', NULL),
    ('5a1e0001-0000-4000-8000-000000000002', 'Editor', 'supervised_user_circle',
     'Writes and publishes', NULL),
    ('5a1e0001-0000-4000-8000-000000000003', 'Junior editor', 'supervised_user_circle',
     'Writes drafts', '5a1e0001-0000-4000-8000-000000000002');

INSERT INTO public.directus_policies (id, name, description, enforce_tfa, admin_access,
    app_access) VALUES
    ('5a1e0002-0000-4000-8000-000000000001', 'Administrator', 'Everything', true, true, true),
    ('5a1e0002-0000-4000-8000-000000000002', 'Editorial', 'Articles and files', false, false, true),
    ('5a1e0002-0000-4000-8000-000000000003', '$t:public_label', '$t:public_description', false,
     false, false);

INSERT INTO public.directus_users (id, first_name, last_name, email, status, role, last_access,
    last_page) VALUES
    ('5a1e0003-0000-4000-8000-000000000001', 'Ada', 'Berger', 'ada@example.org', 'active',
     '5a1e0001-0000-4000-8000-000000000001', '2026-05-30 09:12:00+00', '/content/articles'),
    ('5a1e0003-0000-4000-8000-000000000002', 'Jörg', 'Šimek', 'joerg@example.org', 'active',
     '5a1e0001-0000-4000-8000-000000000002', '2026-06-01 14:45:00+00', '/files'),
    ('5a1e0003-0000-4000-8000-000000000003', 'Mia', 'O''Neil', 'mia@example.org', 'suspended',
     '5a1e0001-0000-4000-8000-000000000003', NULL, NULL);

INSERT INTO public.directus_access (id, role, "user", policy, sort) VALUES
    ('5a1e0004-0000-4000-8000-000000000001', '5a1e0001-0000-4000-8000-000000000001', NULL,
     '5a1e0002-0000-4000-8000-000000000001', 1),
    ('5a1e0004-0000-4000-8000-000000000002', '5a1e0001-0000-4000-8000-000000000002', NULL,
     '5a1e0002-0000-4000-8000-000000000002', 1),
    ('5a1e0004-0000-4000-8000-000000000003', NULL, NULL, '5a1e0002-0000-4000-8000-000000000003', 1);

INSERT INTO public.directus_permissions (collection, action, permissions, validation, fields,
    policy) VALUES
    ('articles', 'read', '{}', '{}', '*', '5a1e0002-0000-4000-8000-000000000002'),
    ('articles', 'update', '{"user_created": {"_eq": "$CURRENT_USER"}}', '{}', 'title,body,status',
     '5a1e0002-0000-4000-8000-000000000002'),
    ('articles', 'read', '{"status": {"_eq": "published"}}', '{}', 'id,title,body',
     '5a1e0002-0000-4000-8000-000000000003'),
    ('directus_files', 'read', '{}', '{}', '*', '5a1e0002-0000-4000-8000-000000000002');

INSERT INTO public.directus_collections (collection, icon, note, display_template, archive_field,
    archive_value, unarchive_value, sort, "group", versioning) VALUES
    ('magazine', 'folder', NULL, NULL, NULL, NULL, NULL, 1, NULL, false),
    ('shop', 'folder', NULL, NULL, NULL, NULL, NULL, 2, NULL, false),
    ('articles', 'article', 'The magazine', '{{title}}', 'status', 'archived', 'draft', 1,
     'magazine', true),
    ('categories', 'category', NULL, '{{name}}', NULL, NULL, NULL, 2, 'magazine', false),
    ('products', 'inventory_2', NULL, '{{sku}} {{name}}', NULL, NULL, NULL, 1, 'shop', false),
    ('orders', 'receipt_long', NULL, '{{id}}', NULL, NULL, NULL, 2, 'shop', false);

INSERT INTO public.directus_fields (collection, field, special, interface, sort, width, required)
    VALUES
    ('articles', 'id', NULL, 'input', 1, 'full', false),
    ('articles', 'status', NULL, 'select-dropdown', 2, 'half', true),
    ('articles', 'title', NULL, 'input', 3, 'full', true),
    ('articles', 'body', NULL, 'input-rich-text-md', 4, 'full', false),
    ('articles', 'category', 'm2o', 'select-dropdown-m2o', 5, 'half', false),
    ('articles', 'user_created', 'user-created', 'select-dropdown-m2o', 6, 'half', false),
    ('products', 'sku', NULL, 'input', 1, 'half', true),
    ('products', 'price', NULL, 'input', 2, 'half', true);

INSERT INTO public.directus_relations (many_collection, many_field, one_collection, one_field)
    VALUES
    ('articles', 'category', 'categories', 'articles'),
    ('articles', 'user_created', 'directus_users', NULL),
    ('products', 'category', 'categories', NULL);

INSERT INTO public.directus_folders (id, name, parent) VALUES
    ('5a1e0005-0000-4000-8000-000000000001', 'Pictures', NULL),
    ('5a1e0005-0000-4000-8000-000000000002', 'Covers', '5a1e0005-0000-4000-8000-000000000001');

INSERT INTO public.directus_files (id, storage, filename_disk, filename_download, title, type,
    folder, uploaded_by, filesize, width, height, uploaded_on) VALUES
    ('5a1e0006-0000-4000-8000-000000000001', 'local', '5a1e0006-0000-4000-8000-000000000001.png',
     'logo.png', 'Logo',
     'image/png', '5a1e0005-0000-4000-8000-000000000001', '5a1e0003-0000-4000-8000-000000000001',
     20481, 512, 512, '2025-03-04 10:00:00+00'),
    ('5a1e0006-0000-4000-8000-000000000002', 'local', '5a1e0006-0000-4000-8000-000000000002.jpg',
     'June.jpg', 'Cover of June', 'image/jpeg', '5a1e0005-0000-4000-8000-000000000002',
     '5a1e0003-0000-4000-8000-000000000002', 781223, 2400, 1600, '2026-05-28 16:30:00+00');

INSERT INTO public.directus_activity (action, "user", "timestamp", ip, collection, item, origin)
    VALUES
    ('login', '5a1e0003-0000-4000-8000-000000000001', '2026-05-30 09:10:00+00', '192.0.2.10',
     'directus_users', '5a1e0003-0000-4000-8000-000000000001', 'https://cms.example.org'),
    ('create', '5a1e0003-0000-4000-8000-000000000002', '2026-05-30 09:20:00+00', '192.0.2.11',
     'articles', '1', 'https://cms.example.org'),
    ('update', '5a1e0003-0000-4000-8000-000000000002', '2026-06-01 14:44:00+00', '192.0.2.11',
     'articles', '1', 'https://cms.example.org');

INSERT INTO public.directus_versions (id, key, name, collection, item, hash, user_created, delta)
    VALUES
    ('5a1e0007-0000-4000-8000-000000000001', 'rewrite', 'Rewrite for July', 'articles', '1',
     'c0ffee', '5a1e0003-0000-4000-8000-000000000002', '{"title": "A new beginning"}');

INSERT INTO public.directus_revisions (activity, collection, item, data, delta, parent, version)
    VALUES
    (2, 'articles', '1', '{"title": "A beginning"}', '{"title": "A beginning"}', NULL, NULL),
    (3, 'articles', '1', '{"title": "A beginning", "status": "published"}',
     '{"status": "published"}', 1, '5a1e0007-0000-4000-8000-000000000001');

INSERT INTO public.directus_shares (id, name, collection, item, role, user_created, max_uses) VALUES
    ('5a1e0008-0000-4000-8000-000000000001', 'For the proofreader', 'articles', '1',
     '5a1e0001-0000-4000-8000-000000000003', '5a1e0003-0000-4000-8000-000000000002', 5);

INSERT INTO public.directus_sessions (token, "user", expires, ip, origin) VALUES
    ('not-a-real-session-token-1', '5a1e0003-0000-4000-8000-000000000001', '2026-06-08 09:10:00+00',
     '192.0.2.10', 'https://cms.example.org');

INSERT INTO public.directus_presets (bookmark, "user", role, collection, layout, layout_query)
    VALUES
    (NULL, '5a1e0003-0000-4000-8000-000000000001', NULL, 'articles', 'tabular',
     '{"tabular": {"page": 1}}'),
    ('My drafts', '5a1e0003-0000-4000-8000-000000000002', NULL, 'articles', 'cards', NULL);

INSERT INTO public.directus_settings (project_name, project_url, project_logo,
    storage_default_folder, default_language, accepted_terms, project_id) VALUES
    ('Reference estate', 'https://cms.example.org', '5a1e0006-0000-4000-8000-000000000001',
     '5a1e0005-0000-4000-8000-000000000001', 'de-DE', true, '5a1e0009-0000-4000-8000-000000000001');

INSERT INTO public.directus_flows (id, name, icon, status, trigger, options, operation,
    user_created) VALUES
    ('5a1e000a-0000-4000-8000-000000000001', 'Tell the editors', 'bolt', 'active', 'event',
     '{"type": "action", "scope": ["items.create"], "collections": ["articles"]}',
     '5a1e000b-0000-4000-8000-000000000001', '5a1e0003-0000-4000-8000-000000000001');

INSERT INTO public.directus_operations (id, name, key, type, position_x, position_y, options,
    resolve, flow) VALUES
    ('5a1e000b-0000-4000-8000-000000000002', 'Log it', 'log_it', 'log', 37, 1,
     '{"message": "told"}', NULL, '5a1e000a-0000-4000-8000-000000000001'),
    ('5a1e000b-0000-4000-8000-000000000001', 'Notify', 'notify', 'notification', 19, 1,
     '{"subject": "New article"}',
     '5a1e000b-0000-4000-8000-000000000002', '5a1e000a-0000-4000-8000-000000000001');

INSERT INTO public.directus_webhooks (name, url, status, actions, collections,
    was_active_before_deprecation, migrated_flow) VALUES
    ('Rebuild site', 'https://build.example.org/hook', 'inactive', 'create,update', 'articles',
     true, '5a1e000a-0000-4000-8000-000000000001');

INSERT INTO public.directus_dashboards (id, name, note, user_created) VALUES
    ('5a1e000c-0000-4000-8000-000000000001', 'Editorial', 'What is on',
     '5a1e0003-0000-4000-8000-000000000001');

INSERT INTO public.directus_panels (id, dashboard, name, type, position_x, position_y, width,
    height, options) VALUES
    ('5a1e000d-0000-4000-8000-000000000001', '5a1e000c-0000-4000-8000-000000000001', 'Published',
     'metric', 1, 1, 14, 8, '{"collection": "articles", "function": "count", "field": "id"}'),
    ('5a1e000d-0000-4000-8000-000000000002', '5a1e000c-0000-4000-8000-000000000001', 'Latest',
     'list', 15, 1, 14, 12, '{"collection": "articles", "limit": 5}');

INSERT INTO public.directus_notifications (recipient, sender, subject, message, collection, item)
    VALUES
    ('5a1e0003-0000-4000-8000-000000000001', '5a1e0003-0000-4000-8000-000000000002', 'New article',
     'Please look at it', 'articles', '1');

INSERT INTO public.directus_translations (id, language, key, value) VALUES
    ('5a1e000e-0000-4000-8000-000000000001', 'de-DE', 'magazine', 'Zeitschrift'),
    ('5a1e000e-0000-4000-8000-000000000002', 'en-US', 'magazine', 'Magazine');

INSERT INTO public.directus_extensions (enabled, id, folder, source, bundle) VALUES
    (true, '5a1e000f-0000-4000-8000-000000000001', 'directus-extension-slug', 'module', NULL);

INSERT INTO public.directus_comments (id, collection, item, comment, user_created) VALUES
    ('5a1e0010-0000-4000-8000-000000000001', 'articles', '1',
     'The second paragraph repeats the first.', '5a1e0003-0000-4000-8000-000000000001');

RESET ROLE;
